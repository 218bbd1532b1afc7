// Numbers of CoAP on the wire: RFC 7252 §3, §12; RFC 7959 §2.1.

export const enum MessageType {
  Confirmable = 0,
  NonConfirmable = 1,
  Acknowledgement = 2,
  Reset = 3,
}

/** Codes as class << 5 | detail. */
export const enum Code {
  Empty = 0x00,
  Get = 0x01,
  Post = 0x02,
  Put = 0x03,
  Delete = 0x04,
  Created = 0x41,
  Changed = 0x44,
  Content = 0x45,
  Continue = 0x5f,
  BadRequest = 0x80,
  BadOption = 0x82,
  Forbidden = 0x83,
  NotFound = 0x84,
  RequestEntityTooLarge = 0x8d,
  InternalServerError = 0xa0,
  ServiceUnavailable = 0xa3,
}

export const enum Option {
  ETag = 4,
  Observe = 6,
  UriPath = 11,
  ContentFormat = 12,
  MaxAge = 14,
  UriQuery = 15,
  Block2 = 23,
  Block1 = 27,
  /** RFC 7967 */
  NoResponse = 258,
}

/** Message header before the token, bytes. */
export const HEADER_SIZE: i32 = 4;
export const MAX_TOKEN_LENGTH: i32 = 8;
