// A cloud variable that the application assigns to: the cloud reads what was assigned last, and an
// assignment sends nothing.

/** T is bool, i32, f64 or string. */
export class CloudVariable<T> {
  /** Status.Ok, or why the cloud does not know it. */
  status: i32 = 0;

  constructor(public value: T) {}
}
