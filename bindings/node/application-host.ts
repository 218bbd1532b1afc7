// Runs the application module that the core says is to run, beside the core: loads it, calls it, hands
// it what is its own, and tells the core when it went wrong. Sans-IO as the core is: a pump drains the
// core, hands each event to `handleEvent`, and then lets `turn` make one call into the application, so
// that between two calls sockets and timers have theirs.

import { EventKind, Status } from "./abi";
import type { ImageArea, VariableType } from "./abi";
import { Application } from "./application";
import type { ApplicationLimits } from "./application";
import { ApplicationStop } from "./application-fuel";
import type { Core, CoreEvent } from "./core";

/** What the core decided about the application. */
export type ApplicationChange = Extract<CoreEvent, { kind: EventKind.ApplicationChange }>;

/** An image that is on its way to run. */
interface Loading {
  area: ImageArea;
  isVerified: boolean;
}

/** How often `loop()` runs, ms. */
const LOOP_INTERVAL = 10;
/** Events that wait for the application; more than the core has at a time. */
const MAX_WAITING = 64;
/** Slices of an image, 4096 bytes each, that one turn hashes. */
const SLICES_PER_TURN = 64;
/** Turns that loading at the start may take: 32 images of 1 MiB. */
const MAX_LOADING_TURNS = 128;
/** Level of the line that says why an application ended, as the core has them. */
const LOG_ERROR = 50;

const encoder = new TextEncoder();

export class ApplicationHost {
  /** Steps that the last call into an application took. */
  stepsUsed = 0;
  private application: Application | undefined;
  private loading: Loading | undefined;
  private loopAt = 0;
  private hasBegun = false;
  private wasEvent = false;
  private readonly waiting: CoreEvent[] = [];
  /** Answers that the core had no room for. */
  private answers: (() => number)[] = [];

  /** @throws Error when the core has no `images`, or its module takes no updates */
  constructor(
    private readonly core: Core,
    private readonly limits: ApplicationLimits = {},
  ) {
    if (!core.exports.update_open) throw new Error("this module takes no updates");
    if (!core.options.images) throw new Error("an application module needs `images`");
  }

  /**
   * Read the journal: after `Core` is made, before it connects.
   * @returns the core's status: 1 when there is an application, 0 when not, Status.NotSupported
   *   without image areas
   */
  open(now: number): number {
    const status = this.core.exports.update_open!(now);
    if (status === 1) this.load();
    return status;
  }

  /** Load the application, if there is one, up to and with its `setup()`. */
  start(now: number): void {
    for (let i = 0; i < MAX_LOADING_TURNS && this.loading; i++) this.turn(now);
  }

  /** Whether a call into the application is on its way: no pump may begin another. */
  get isRunning(): boolean {
    return this.application?.isRunning ?? false;
  }

  /** Whether an application is loaded. */
  get hasApplication(): boolean {
    return this.application !== undefined;
  }

  /**
   * What the program offers and subscribes to comes before the first application: the core takes what
   * comes later for the application's, and forgets it with the next one.
   * @throws Error when an application has begun
   */
  requireUnbegun(): void {
    if (this.hasBegun) throw new Error("to be offered before the application begins");
  }

  /**
   * Take an event of the core.
   * @returns whether it was for the application alone
   */
  handleEvent(event: CoreEvent): boolean {
    switch (event.kind) {
      case EventKind.ApplicationChange:
        this.change(event);
        return false;
      case EventKind.Connection:
      case EventKind.Time:
      case EventKind.Signal:
      case EventKind.BudgetWarning:
      case EventKind.UpdatePending:
        this.wait(event);
        return false;
      case EventKind.FunctionCall:
      case EventKind.VariableRequest:
      case EventKind.EventReceived:
      case EventKind.PublishDone:
        if (!this.isItsOwn(event)) return false;
        this.wait(event);
        return true;
      default:
        return false;
    }
  }

  /**
   * Do one thing, if there is one to do: a call into the application, or a part of loading one.
   * @returns whether it did: the pump drains the core, and comes again
   */
  turn(now: number): boolean {
    this.stepsUsed = 0;
    this.giveAnswers();
    if (this.isRunning) return false;
    if (this.loading) {
      this.continueLoading(now);
      return true;
    }
    if (!this.application) return false;
    const isLoopDue = this.isDue(now);
    const event = isLoopDue && this.wasEvent ? undefined : this.waiting.shift();
    if (!event && !isLoopDue) return false;
    this.wasEvent = event !== undefined;
    this.attempt(now, (application) => {
      if (event) this.dispatch(application, event, now);
      else application.loop(now);
    });
    if (!event) this.loopAt = (now + LOOP_INTERVAL) >>> 0;
    return true;
  }

  /** Ms until `turn` has something to do; -1 when nothing is to come. */
  timeout(now: number): number {
    if (this.loading) return 0;
    if (!this.application) return this.answers.length > 0 ? LOOP_INTERVAL : -1;
    if (this.waiting.length > 0 || this.isDue(now)) return 0;
    return (this.loopAt - now) | 0;
  }

  private isDue(now: number): boolean {
    return ((now - this.loopAt) | 0) >= 0;
  }

  // ---- loading ------------------------------------------------------------------------------

  private change({ area }: ApplicationChange): void {
    this.destroy();
    if (area < 0) this.loading = undefined;
    else this.loading = { area, isVerified: false };
  }

  /** Load what the core has for now, if it has any. */
  private load(): void {
    this.destroy();
    const area = this.core.exports.application_image!();
    this.loading = area >= 0 ? { area, isVerified: false } : undefined;
  }

  private continueLoading(now: number): void {
    const loading = this.loading!;
    for (let i = 0; i < SLICES_PER_TURN && !loading.isVerified; i++) {
      const status = this.core.exports.application_verify!();
      // The core has fallen back to another one, or to none.
      if (status < 0) return this.load();
      loading.isVerified = status === 0;
    }
    if (loading.isVerified) this.begin(loading.area, now);
  }

  private begin(area: ImageArea, now: number): void {
    const { exports, options } = this.core;
    this.loading = undefined;
    this.hasBegun = true;
    try {
      const file = options.images!.read(area, 0, exports.application_length!());
      const capabilities = exports.application_capabilities!();
      this.application = new Application(this.core, { file, capabilities }, this.limits);
    } catch (error) {
      const isStop = error instanceof ApplicationStop;
      this.fail(isStop ? error.status : Status.ApplicationInvalid, error as Error, now);
      return;
    }
    if (exports.application_begin!(now) < 0) return this.destroy();
    this.loopAt = (now + LOOP_INTERVAL) >>> 0;
    this.attempt(now, (application) => application.setup(now));
  }

  /** End the application, if there is one; its unanswered calls are refused. */
  private destroy(): void {
    for (const event of this.waiting.splice(0)) this.refuse(event);
    this.application = undefined;
  }

  private attempt(now: number, work: (application: Application) => void): void {
    const application = this.application!;
    try {
      work(application);
      this.stepsUsed = application.fuel.used;
    } catch (error) {
      this.stepsUsed = application.fuel.used;
      if (!(error instanceof ApplicationStop)) throw error;
      this.fail(error.status, error, now);
    }
  }

  private fail(status: Status, { message }: Error, now: number): void {
    this.core.options.log?.(LOG_ERROR, `application: ${Status[status]}: ${message}`);
    if (status === Status.ApplicationFlood) this.cancelPublishes();
    this.destroy();
    this.core.exports.application_fault!(status, now);
  }

  /** What a flood left in the queue does not go out, and leaves room for the news of its end. */
  private cancelPublishes(): void {
    for (const handle of this.application?.belongings.publishes ?? []) {
      this.core.exports.queue_cancel!(handle);
    }
  }

  // ---- events -------------------------------------------------------------------------------

  private isItsOwn(event: CoreEvent): boolean {
    const belongings = this.application?.belongings;
    if (!belongings) return false;
    switch (event.kind) {
      case EventKind.FunctionCall:
        return belongings.functions.own(event.number) !== undefined;
      case EventKind.VariableRequest:
        return belongings.variables.own(event.number) !== undefined;
      case EventKind.EventReceived:
        return belongings.subscriptions.own(event.subscription) !== undefined;
      case EventKind.PublishDone:
        return belongings.publishes.delete(event.handle);
      default:
        return false;
    }
  }

  private wait(event: CoreEvent): void {
    if (!this.application) return;
    if (this.waiting.length < MAX_WAITING) this.waiting.push(event);
    else this.refuse(event);
  }

  private dispatch(application: Application, event: CoreEvent, now: number): void {
    switch (event.kind) {
      case EventKind.FunctionCall:
        return this.callFunction(application, event, now);
      case EventKind.VariableRequest:
        return this.readVariable(application, event, now);
      case EventKind.EventReceived: {
        const number = application.belongings.subscriptions.own(event.subscription)!;
        return application.receive(number, { ...event, name: encoder.encode(event.name) }, now);
      }
      case EventKind.PublishDone:
        return application.notify(event.kind, [event.handle, event.status], now);
      case EventKind.Connection:
        return application.notify(event.kind, [event.state, event.reason], now);
      case EventKind.Time:
        return application.notify(event.kind, [event.seconds], now);
      case EventKind.Signal:
        return application.notify(event.kind, [event.on ? 1 : 0], now);
      case EventKind.BudgetWarning:
        return application.notify(event.kind, [event.percent], now);
      case EventKind.UpdatePending:
        return application.notify(event.kind, [event.version], now);
    }
  }

  private callFunction(
    application: Application,
    event: { number: number; call: number; argument: string },
    now: number,
  ): void {
    const { exports } = this.core;
    let result: number | undefined;
    try {
      const number = application.belongings.functions.own(event.number)!;
      result = application.callFunction(number, encoder.encode(event.argument), now);
    } finally {
      const value = result;
      this.answer(() =>
        value === undefined
          ? exports.call_refused(event.call)
          : exports.function_result(event.call, value),
      );
    }
  }

  private readVariable(
    application: Application,
    event: { number: number; call: number; type: VariableType },
    now: number,
  ): void {
    let value: Uint8Array | undefined;
    try {
      const number = application.belongings.variables.own(event.number)!;
      value = application.readVariable(number, event.type, now);
    } finally {
      this.answer(() => this.answerVariable(event.call, value));
    }
  }

  /** A value that the core does not take is refused, as none is. */
  private answerVariable(call: number, value: Uint8Array | undefined): number {
    const fits = value !== undefined && value.length <= this.core.argument.length;
    const status = fits ? this.core.answerVariable(call, value) : Status.InvalidArgument;
    const isRefused = status === Status.InvalidArgument || status === Status.TooLong;
    return isRefused ? this.core.exports.call_refused(call) : status;
  }

  private refuse(event: CoreEvent): void {
    const isCall =
      event.kind === EventKind.FunctionCall || event.kind === EventKind.VariableRequest;
    if (isCall) this.answer(() => this.core.exports.call_refused(event.call));
  }

  /** Give an answer; at a later turn while the outbox is full. */
  private answer(give: () => number): void {
    if (give() === (Status.NoSpace as number)) this.answers.push(give);
  }

  private giveAnswers(): void {
    const waiting = this.answers;
    this.answers = [];
    for (const give of waiting) this.answer(give);
  }
}
