// Names of errors, as logs and tests show them.

#include "boson.h"

static const struct {
  int error;
  const char *name;
} names[] = {
    {0, "Ok"},
    // assembly/status.ts
    {-1, "InvalidArgument"},
    {-2, "InvalidState"},
    {-3, "NoSpace"},
    {-4, "TooLong"},
    {-5, "NotFound"},
    {-6, "NotSupported"},
    {-7, "HostFailure"},
    {-8, "Offline"},
    {-20, "RandomFailure"},
    {-21, "InvalidPublicKey"},
    {-22, "InvalidPrivateKey"},
    {-23, "InvalidSignature"},
    {-24, "BadTag"},
    {-25, "MalformedDer"},
    {-26, "BadPadding"},
    {-27, "WrongKeyType"},
    {-40, "Discarded"},
    {-41, "DecodeError"},
    {-42, "UnexpectedMessage"},
    {-43, "IllegalParameter"},
    {-44, "AuthenticationFailed"},
    {-45, "HandshakeTimeout"},
    {-46, "AlertReceived"},
    {-47, "PeerClosed"},
    {-48, "SequenceExhausted"},
    {-49, "NoSession"},
    {-50, "HandshakeFailure"},
    {-51, "SessionLost"},
    {-60, "MalformedMessage"},
    {-61, "MessageTimeout"},
    {-62, "MessageReset"},
    {-63, "ClientError"},
    {-64, "ServerError"},
    {-65, "Aborted"},
    {-70, "DecryptionFailed"},
    {-71, "NonceTimeout"},
    {-72, "SessionTimeout"},
    {-73, "FrameTimeout"},
    {-74, "FrameTooLong"},
    {-75, "FrameMalformed"},
    {-80, "ReservedName"},
    {-81, "AlreadyRegistered"},
    // boson_runtime.h
    {BOSON_ERR_MALFORMED, "Malformed"},
    {BOSON_ERR_INVALID, "Invalid"},
    {BOSON_ERR_IMPORT, "Import"},
    {BOSON_ERR_EXPORT, "Export"},
    {BOSON_ERR_MEMORY_LIMIT, "MemoryLimit"},
    {BOSON_ERR_NO_MEMORY, "NoMemory"},
    {BOSON_ERR_VERSION, "Version"},
    {BOSON_ERR_BUFFER, "Buffer"},
    {BOSON_ERR_HOST_ARGUMENT, "HostArgument"},
    {BOSON_ERR_TRAP, "Trap"},
    {BOSON_ERR_STACK, "Stack"},
    {BOSON_ERR_TIME, "Time"},
    {BOSON_ERR_ARGUMENT, "Argument"},
    {BOSON_ERR_HAL, "Hal"},
};

const char *boson_error_name(int error) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i += 1) {
    if (names[i].error == error) return names[i].name;
  }
  return "?";
}
