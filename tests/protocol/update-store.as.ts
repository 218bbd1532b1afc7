// The store of updates with the whole core around it, so that tests can drive it without messages.

export * from "../../assembly/ota";
export {
  storeAdvance,
  storeApply,
  storeBegin,
  storeCancel,
  storeFinish,
  storeHeld,
  storePrepare,
  storeWrite,
} from "../../assembly/update/store";
