// What the server has acknowledged of us, as checksums. They are kept with the DTLS session: after
// a resume, Hello, Describe and subscriptions go out again only where something changed.

/** Layout: u32 each. Total 24 bytes, as the session keeps for us. */
const enum Field {
  Hello = 0,
  DescribeSystem = 4,
  DescribeApplication = 8,
  Subscriptions = 12,
}

export const STATE_SIZE: i32 = 24;

const STATE: usize = memory.data(24, 4);
let changed: bool = false;

/** The 24 bytes to keep with the session. */
export function cloudState(): usize {
  return STATE;
}

/** Start with nothing acknowledged. */
export function stateReset(): void {
  memory.fill(STATE, 0, STATE_SIZE);
  changed = false;
}

/** Whether something was acknowledged since the last call. */
export function stateTakeChanged(): bool {
  const result = changed;
  changed = false;
  return result;
}

function acknowledge(field: i32, checksum: u32): void {
  if (load<u32>(STATE + field) == checksum) return;
  store<u32>(STATE + field, checksum);
  changed = true;
}

export function acknowledgeHello(checksum: u32): void {
  acknowledge(Field.Hello, checksum);
}

export function isHelloAcknowledged(checksum: u32): bool {
  return load<u32>(STATE + Field.Hello) == checksum;
}

export function acknowledgeDescribe(isSystem: bool, checksum: u32): void {
  acknowledge(isSystem ? Field.DescribeSystem : Field.DescribeApplication, checksum);
}

export function isDescribeAcknowledged(isSystem: bool, checksum: u32): bool {
  return (
    load<u32>(STATE + (isSystem ? Field.DescribeSystem : Field.DescribeApplication)) == checksum
  );
}

export function acknowledgeSubscriptions(checksum: u32): void {
  acknowledge(Field.Subscriptions, checksum);
}

export function areSubscriptionsAcknowledged(checksum: u32): bool {
  return load<u32>(STATE + Field.Subscriptions) == checksum;
}
