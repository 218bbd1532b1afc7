// An optional budget of data operations and bytes a period, with warnings at 70, 90 and 100 %, as the
// Particle plans give them, and a policy for the publishes of a device that nears its end.

import { Status } from "../status";
import { BudgetPolicy, Plan } from "./numbers";
import { meterOperations } from "./operations";
import { meterState } from "./state";

let operations: u32 = 0;
let bytes: u64 = 0;
let policy: i32 = BudgetPolicy.Warn;

/**
 * Set the budget of a period.
 * @param maxOperations 0 for no limit
 * @param maxBytes of IPv4, 0 for no limit
 * @param value BudgetPolicy
 * @returns Status.Ok; Status.InvalidArgument
 */
export function setBudget(maxOperations: u32, maxBytes: u64, value: i32): i32 {
  if (value < BudgetPolicy.Warn || value > BudgetPolicy.Pause) return Status.InvalidArgument;
  operations = maxOperations;
  bytes = maxBytes;
  policy = value;
  return Status.Ok;
}

/**
 * Set this device's share of a plan.
 * @param plan Plan
 * @param devices that share it, 1...100
 * @returns Status.Ok; Status.InvalidArgument
 */
export function setPlan(plan: i32, devices: i32, value: i32): i32 {
  if (devices < 1 || devices > 100) return Status.InvalidArgument;
  if (plan == Plan.Free) return setBudget(100000 / devices, 100000000 / devices, value);
  if (plan == Plan.Basic) return setBudget(720000 / devices, 540000000 / devices, value);
  return Status.InvalidArgument;
}

/** Percent of the budget that is used, the larger of both; `ahead` operations are on their way. */
function percentUsed(ahead: u32): u32 {
  const counted = operations ? (<u64>(meterOperations() + ahead) * 100) / operations : 0;
  const carried = bytes ? (meterState().bytes * 100) / bytes : 0;
  return <u32>min(max(counted, carried), 1000);
}

/**
 * Whether a publish may go out now.
 * @param priority 0 low, 1 normal, 2 high
 * @param ahead operations on their way that are not counted yet
 */
export function budgetAllows(priority: i32, ahead: u32): bool {
  if (policy == BudgetPolicy.Warn || !(operations | bytes)) return true;
  const percent = percentUsed(ahead);
  if (percent >= 100) return priority == 2 && policy != BudgetPolicy.Pause;
  return percent < 90 || priority > 0 || policy != BudgetPolicy.Defer;
}

/** Whether a publish is refused. @param priority 0 low, 1 normal, 2 high */
export function budgetRefuses(priority: i32): bool {
  if (policy != BudgetPolicy.DropLow) return false;
  const percent = percentUsed(0);
  return percent >= 90 && priority < (percent >= 100 ? 2 : 1);
}

/** Whether publishes of the same name are to be coalesced. */
export function budgetCoalesces(): bool {
  return policy == BudgetPolicy.Coalesce && percentUsed(0) >= 90;
}

/** @returns threshold that was reached and not told yet: 70, 90, 100 percent; 0 none */
export function budgetWarning(): i32 {
  if (!(operations | bytes)) return 0;
  const percent = percentUsed(0);
  const reached: u32 = percent >= 100 ? 100 : percent >= 90 ? 90 : percent >= 70 ? 70 : 0;
  if (reached <= meterState().warned) return 0;
  meterState().warned = reached;
  return reached;
}
