import { CoreupError, messageOf } from './errors.js';

type Undici = typeof import('./undici.js');

/** A way out to the network for one exchange, to be handed to `request` or `fetch` and destroyed after it. */
export interface WayOut extends Pick<Undici, 'fetch' | 'request'> {
  readonly dispatcher: InstanceType<Undici['EnvHttpProxyAgent']>;
}

/**
 * How coreup asks servers outside: through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name (or their lower-case
 * forms), otherwise directly.
 *
 * @throws CoreupError PROXY_UNUSABLE for one that is no URL
 */
export async function wayOut(): Promise<WayOut> {
  const { EnvHttpProxyAgent, fetch, request } = await import('./undici.js');
  try {
    // Plain http goes through a proxy as proxies for http know it: many refuse CONNECT to other ports than 443.
    return { fetch, request, dispatcher: new EnvHttpProxyAgent({ proxyTunnel: false }) };
  } catch (error) {
    throw new CoreupError(`the proxy in HTTPS_PROXY or HTTP_PROXY cannot be used: ${messageOf(error)}`, {
      code: 'PROXY_UNUSABLE',
      hint: 'Write it as a URL, such as http://proxy.example.com:3128.',
      cause: error,
    });
  }
}
