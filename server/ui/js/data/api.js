// Reads the daemon's JSON. Addresses are relative, so that a path prefix of a proxy in front survives.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The token lives as long as the tab.
export const token = {
  get: () => sessionStorage.getItem('eldr-token') ?? '',
  set: (value) => (value ? sessionStorage.setItem('eldr-token', value) : sessionStorage.removeItem('eldr-token')),
};

export function address(path, parameters = {}) {
  const url = new URL(`../api/v1/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, value);
  }
  return url;
}

export function request(path, parameters, signal) {
  const headers = token.get() ? {Authorization: `Bearer ${token.get()}`} : {};
  return fetch(address(path, parameters), {headers, signal, cache: 'no-store', credentials: 'same-origin'});
}

// The response to what early.js has asked for, once; null if there is none.
export async function early(path) {
  const asked = window.eldrEarly?.[path] ?? null;
  if (asked) window.eldrEarly[path] = null;
  return asked;
}

export async function get(path, parameters, signal) {
  const response = (parameters ? null : await early(path)) ?? await request(path, parameters, signal);
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, body?.error?.message ?? `the daemon answered ${response.status}`);
  return body;
}
