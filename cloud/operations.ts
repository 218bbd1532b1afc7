// Data operations of each device, as the Particle plans count them: a publish, a delivery of an event
// to a device, a function call, a read of a variable; one for every begun 1024 bytes. Events of the
// system, acknowledgements, keepalives and session set-up do not count. A publish that comes again
// under the same token is the same one.

/** Counts of one device. */
export interface Operations {
  publishes: number;
  deliveries: number;
  functions: number;
  variables: number;
  /** Publishes that came again: not counted above. */
  repeated: number;
}

const BLOCK = 1024;
/** Tokens of publishes that are remembered for each device. */
const REMEMBERED = 4096;
const SYSTEM_NAME = /^(particle|spark)/i;

interface Account extends Operations {
  tokens: Set<string>;
}

export class OperationMeter {
  private readonly accounts = new Map<string, Account>();

  /** What a device has used so far. */
  of(deviceId: string): Operations {
    const { tokens: _tokens, ...operations } = this.account(deviceId);
    return operations;
  }

  /** A publish arrived. @param token hexadecimal, "" for none */
  published(deviceId: string, name: string, data: Uint8Array, token: string): void {
    if (SYSTEM_NAME.test(name)) return;
    const account = this.account(deviceId);
    if (token && account.tokens.has(token)) {
      account.repeated += 1;
      return;
    }
    if (token) remember(account.tokens, token);
    account.publishes += operationsOf(data.length);
  }

  /** An event was delivered to a device. */
  delivered(deviceId: string, name: string, data: Uint8Array): void {
    if (!SYSTEM_NAME.test(name)) this.account(deviceId).deliveries += operationsOf(data.length);
  }

  /** A call or read was answered. */
  answered(deviceId: string, what: "functions" | "variables"): void {
    this.account(deviceId)[what] += 1;
  }

  private account(deviceId: string): Account {
    const id = deviceId.toLowerCase();
    let account = this.accounts.get(id);
    if (!account) {
      const counts = { publishes: 0, deliveries: 0, functions: 0, variables: 0, repeated: 0 };
      account = { ...counts, tokens: new Set() };
      this.accounts.set(id, account);
    }
    return account;
  }
}

function operationsOf(length: number): number {
  return Math.max(1, Math.ceil(length / BLOCK));
}

function remember(tokens: Set<string>, token: string): void {
  tokens.add(token);
  if (tokens.size <= REMEMBERED) return;
  const [oldest] = tokens;
  tokens.delete(oldest);
}
