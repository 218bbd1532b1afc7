// What the layers of a build with QUEUE let the meter see of a datagram: what was sent for which
// purpose, what was answered, which requests of the server were served. The others never call it.

/** What a request of the server was for. */
export const enum Served {
  Event = 0,
  Function = 1,
  Variable = 2,
  Other = 3,
}

/** Purpose (coap/outbox.ts) of the message sent last, and of the one acknowledged last; 0 none. */
let sent: i32 = 0;
let isRepetition: bool = false;
let answered: i32 = 0;
/** Requests served, by kind, since they were taken. */
let events: i32 = 0;
let functions: i32 = 0;
let variables: i32 = 0;
let others: i32 = 0;

/** Forget what was seen. */
export function trafficReset(): void {
  sent = 0;
  answered = 0;
  events = 0;
  functions = 0;
  variables = 0;
  others = 0;
}

/** A message goes out. @param again whether it went out before */
export function trafficSend(purpose: i32, again: bool): void {
  sent = purpose;
  isRepetition = again;
}

export function trafficAnswer(purpose: i32): void {
  answered = purpose;
}

/** A new request was served. @param kind Served */
export function trafficServe(kind: i32): void {
  if (kind == Served.Event) events += 1;
  else if (kind == Served.Function) functions += 1;
  else if (kind == Served.Variable) variables += 1;
  else others += 1;
}

export function trafficSent(): i32 {
  return sent;
}

export function trafficIsRepetition(): bool {
  return isRepetition;
}

export function trafficAnswered(): i32 {
  return answered;
}

/** @param kind Served @returns how many since `trafficReset` */
export function trafficServed(kind: i32): i32 {
  if (kind == Served.Event) return events;
  if (kind == Served.Function) return functions;
  return kind == Served.Variable ? variables : others;
}
