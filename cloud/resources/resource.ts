// Plain CoAP resources of the standard profile: what a handler gets and gives (RFC 7252 §5).

/** A request, put together again when it came in blocks. */
export interface ResourceRequest {
  deviceId: string;
  /** A request code of `CoapCode`. */
  method: number;
  /** "/" and the segments, joined by "/". */
  path: string;
  query: string[];
  payload: Buffer;
  contentFormat?: number;
  accept?: number;
}

export interface ResourceResponse {
  /** A response code of `CoapCode`. */
  code: number;
  /** Sent in blocks when it is longer than one. */
  payload?: string | Uint8Array;
  contentFormat?: number;
  /** 1 to 8 bytes. Default, when it takes more than one block: a hash of the payload. */
  etag?: Uint8Array;
  /** Seconds. */
  maxAge?: number;
  /** Answer by a separate response, this many ms of engine time later. */
  delayMs?: number;
}

/** Answers a request, at once or later: a promise becomes a separate response. An error becomes 5.00. */
export type ResourceHandler = (
  request: ResourceRequest,
) => ResourceResponse | Promise<ResourceResponse>;

export interface Resource {
  handler: ResourceHandler;
  /** GET may ask for notifications (RFC 7641). */
  observable: boolean;
}

/** Resources by path. */
export type Resources = Map<string, Resource>;
