// Cores with a fault in how they keep their session. A campaign that does not find these finds nothing.

import type { Edit } from "./variant";

const SESSION = "assembly/dtls/session.ts";
const CLIENT = "assembly/dtls/client.ts";

/** By name: the change, and how the problem begins that it must cause. */
export const SESSION_MUTANTS: Record<string, { edits: Edit[]; problem: string }> = {
  "reserves nothing under way": {
    edits: [
      {
        file: SESSION,
        from: "return sessionSave(record, nextMessageId);",
        to: "return Status.Ok;",
      },
    ],
    problem: "record: ",
  },
  "reserves nothing ahead": {
    edits: [
      { file: SESSION, from: "nextRecord + reservation;", to: "nextRecord;" },
      { file: SESSION, from: "s.nextRecord += reservation;", to: "" },
    ],
    problem: "record: ",
  },
  "believes the window of a stored session": {
    edits: [
      {
        file: CLIENT,
        from: "moved = true;\n  synchronised = false;",
        to: "moved = true;\n  synchronised = true;",
      },
    ],
    problem: "replay: ",
  },
  "begins its message ids anew": {
    edits: [
      {
        file: "assembly/connection.ts",
        from: "continueMessageIds(session().nextMessageId);",
        to: "outboxSetNextId(1);",
      },
    ],
    problem: "message id: ",
  },
  "stores with every record": {
    edits: [{ file: SESSION, from: "!stored || record < reservedUntil", to: "!stored" }],
    problem: "writes: ",
  },
};
