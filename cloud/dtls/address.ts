// Addresses are strings that name a sender; over UDP they are `host:port`.

/** The address without its port: ports cost a sender nothing, and a NAT changes them. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}
