// What a module with an application exports beside entry.ts when it has TCP, too.

export { handle_stream, set_transport } from "../tcp";
