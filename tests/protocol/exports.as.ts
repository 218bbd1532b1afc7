// The channel and the message codec of the core as one module, so that tests can give them the bytes
// of a genuine session.

export {
  clientRandom,
  deriveKeyBlock,
  deriveVerifyData,
  handleServerKeyExchange,
  serverRandom,
} from "../../assembly/dtls/key-exchange";
export { identityServerKey } from "../../assembly/dtls/identity";
export { recordOpen, recordSeal, recordSetKeys } from "../../assembly/dtls/record";
export { decodeServerHello, serverHelloCid } from "../../assembly/dtls/server-hello";
export { sessionKeyBlock, sessionMasterSecret } from "../../assembly/dtls/session";
export { transcriptAdd, transcriptHash, transcriptReset } from "../../assembly/dtls/transcript";
export {
  replayAccept,
  replayCheck,
  replayClose,
  replayReset,
  replayTop,
} from "../../assembly/dtls/replay-window";
export {
  decodeMessage,
  encodeEnd,
  encodeMessage,
  encodeOption,
  encodePayload,
  encodeUintOption,
  messageCode,
  messageId,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  messageType,
  optionLength,
  optionNext,
  optionNumber,
  optionRewind,
  optionUint,
  optionValue,
} from "../../assembly/coap/message";
