// The meter of data operations, the byte ledger and the budget of a module with the publish queue, as
// objects; docs/meter.md tells what they count.

import { Cause, CoreError, LedgerField, Meter } from "./abi";
import type { BudgetPolicy } from "./abi";
import type { Core } from "./core";

/** Figures of the period. */
export interface Usage {
  publishes: number;
  deliveries: number;
  functions: number;
  variables: number;
  operations: number;
  unconfirmed: number;
  repetitions: number;
  /** Bytes of IPv4, both ways. */
  bytes: number;
  /** Months since January 1970, which is 1; 0 while unknown. */
  period: number;
}

/** UDP payload bytes and datagrams of one cause, since the start. */
export interface LedgerEntry {
  upBytes: number;
  upDatagrams: number;
  downBytes: number;
  downDatagrams: number;
}

export interface Budget {
  /** Data operations of a period; no limit unless given. */
  operations?: number;
  /** Bytes of IPv4, below 2^32; no limit unless given. */
  bytes?: number;
  policy: BudgetPolicy;
}

/** @throws Error when the module has no meter */
export function readUsage({ exports }: Core): Usage {
  if (!exports.meter) throw new Error("this module has no meter");
  const figure = (number: Meter): number => exports.meter!(number) >>> 0;
  return {
    publishes: figure(Meter.Publishes),
    deliveries: figure(Meter.Deliveries),
    functions: figure(Meter.Functions),
    variables: figure(Meter.Variables),
    operations: figure(Meter.Operations),
    unconfirmed: figure(Meter.Unconfirmed),
    repetitions: figure(Meter.Repetitions),
    bytes: figure(Meter.Bytes) + figure(Meter.BytesHigh) * 2 ** 32,
    period: figure(Meter.Period),
  };
}

/** @throws Error when the module has no meter */
export function readLedger({ exports }: Core): Record<keyof typeof Cause, LedgerEntry> {
  if (!exports.ledger) throw new Error("this module has no meter");
  const causes = Object.entries(Cause).filter(([, value]) => typeof value === "number");
  const entries = causes.map(([name, cause]) => {
    const figure = (field: LedgerField): number => exports.ledger!(cause as Cause, field) >>> 0;
    const up = {
      upBytes: figure(LedgerField.UpBytes),
      upDatagrams: figure(LedgerField.UpDatagrams),
    };
    const downBytes = figure(LedgerField.DownBytes);
    return [name, { ...up, downBytes, downDatagrams: figure(LedgerField.DownDatagrams) }];
  });
  return Object.fromEntries(entries) as Record<keyof typeof Cause, LedgerEntry>;
}

/** @throws CoreError InvalidArgument */
export function setBudget({ exports }: Core, budget: Budget): void {
  if (!exports.budget) throw new Error("this module has no meter");
  const status = exports.budget(budget.operations ?? 0, budget.bytes ?? 0, budget.policy);
  if (status < 0) throw new CoreError(status, "budget");
}
