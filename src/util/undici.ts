// A module of its own, to be loaded with the first request: it is large, and most runs ask nobody outside. A direct import()
// of this CommonJS package would have no named exports once it is bundled.
export { EnvHttpProxyAgent, fetch, request } from 'undici';
