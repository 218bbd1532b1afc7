// The wasm exports of the build that takes updates and runs beside an application module: those of
// api.ts, and updates. Compiled with `--use WBOSON_QUEUE=1 --use WBOSON_OTA=1`. See docs/updates.md.

export * from "./api";
export * from "./application/exports";
