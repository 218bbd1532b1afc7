// Which device a request means, and whether it may.

import type { FastifyRequest } from "fastify";
import type { DeviceInfo } from "../local-cloud";
import { userOf } from "./api";
import type { Api } from "./api";
import { ApiError, badRequest, notFound } from "./errors";

/** Where a route of devices is found: plain, and as a device of a product. */
export const DEVICE_PATHS = ["/v1/devices/:device", "/v1/products/:product/devices/:device"];

/** All devices of a user. */
export function devicesOf(api: Api, username: string): DeviceInfo[] {
  return api.reach.devices.filter(({ id }) => api.records.ownerOf(id) === username);
}

/**
 * The device in a request's path, by its id or its name.
 * @throws ApiError 404 also for devices of others, so that nobody learns of them
 */
export function deviceOf(api: Api, request: FastifyRequest): DeviceInfo {
  const { device: wanted, product } = request.params as { device: string; product?: string };
  const found = findDevice(api, userOf(request).username, wanted);
  if (!found) throw notFound("Device");
  if (product !== undefined && productOf(product) !== found.lastHello?.productId) {
    throw notFound("Device");
  }
  return found;
}

/** A user's device by its id, or else by its name. */
export function findDevice(api: Api, username: string, wanted: string): DeviceInfo | undefined {
  const id = wanted.toLowerCase();
  if (api.records.ownerOf(id) === username && api.cloud.registry.find(id)) {
    return api.reach.device(id);
  }
  return devicesOf(api, username).find(({ name }) => name.toLowerCase() === id);
}

/** @throws ApiError 400 when a user has as many devices as there may be */
export function checkDeviceRoom(api: Api, username: string): void {
  if (api.records.countOf(username) < api.limits.devicesPerUser) return;
  throw new ApiError(400, { ok: false, error: "Too many devices", reason: "too-many-devices" });
}

/** The number of a product from a path: 123, or its slug product-123. @throws ApiError 404 */
export function productOf(text: string): number {
  const number = /^(?:product-)?(\d{1,5})$/.exec(text)?.[1];
  if (number === undefined) throw notFound("Product");
  return Number(number);
}

/** A page of a list, as `page` (from 1) and `per_page` (up to 100) say. @throws ApiError 400 */
export function pageOf<T>(
  list: T[],
  query: Record<string, unknown>,
): { items: T[]; meta: Record<string, number> } {
  const numberOf = (name: string, standard: number, most: number): number => {
    const value = query[name] === undefined ? standard : Number(query[name]);
    if (!Number.isInteger(value) || value < 1 || value > most) throw badRequest(`bad "${name}"`);
    return value;
  };
  const perPage = numberOf("per_page", 25, 100);
  const page = numberOf("page", 1, 1_000_000);
  const meta = {
    page,
    per_page: perPage,
    total_pages: Math.max(1, Math.ceil(list.length / perPage)),
    total_records: list.length,
  };
  return { items: list.slice((page - 1) * perPage, page * perPage), meta };
}
