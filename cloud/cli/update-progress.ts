// How far an update is: a bar that stays in its line on a terminal, a line for each state elsewhere.

/** An update as the API tells of it. */
export interface UpdateView {
  state: "none" | "waiting" | "started" | "progress" | "verifying" | "done" | "failed";
  sent: number;
  size: number;
  started_at: string | null;
  ended_at: string | null;
  reason: string | null;
  code: number | null;
  message: string | null;
}

const TEXTS: Record<UpdateView["state"], string> = {
  none: "there is no update",
  waiting: "the device is away",
  started: "the device gets ready",
  progress: "sending",
  verifying: "the device checks the file",
  done: "the device has taken it",
  failed: "failed",
};
const BAR_WIDTH = 30;
/** Back to the beginning of the line, and clear it. */
const CLEAR = "\r\u001b[K";

export interface Output {
  isTTY?: boolean;
  write(text: string): unknown;
}

export class UpdateProgress {
  private shown = "";

  constructor(private readonly output: Output) {}

  show(view: UpdateView): void {
    this.say(this.output.isTTY ? barOf(view) : textOf(view));
  }

  /** @param text one line */
  say(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    this.output.write(this.output.isTTY ? CLEAR + text : `${text}\n`);
  }

  /** What is printed next begins a line. */
  end(): void {
    if (this.output.isTTY && this.shown !== "") this.output.write("\n");
  }
}

function textOf({ state, size }: UpdateView): string {
  return state === "progress" ? `sending ${size} bytes` : TEXTS[state];
}

function barOf({ state, sent, size }: UpdateView): string {
  const part = size > 0 ? sent / size : 0;
  const full = Math.floor(part * BAR_WIDTH);
  const bar = "#".repeat(full) + ".".repeat(BAR_WIDTH - full);
  const percent = String(Math.floor(100 * part)).padStart(3);
  return `[${bar}] ${percent} % of ${size} bytes, ${TEXTS[state]}`;
}
