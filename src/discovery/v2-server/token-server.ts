import type { Duplex } from 'node:stream';
import { isRegistrationOf, parseRegistration, type Expected } from '../registration.js';
import { keyExists, unauthorized } from './errors.js';
import { KeysServer } from './server.js';
import { KeyStore, type Change } from './store.js';

/** What a member has put under the token; kept in this order it gives the same indexes again. */
export interface KeptRegistration {
  readonly id: string;
  readonly value: string;
}

export interface TokenServerOptions {
  /** Path of the keys of this token, such as `/discovery/<uuid>`. */
  readonly token: string;
  /** Who may register. */
  readonly members: readonly Expected[];
  /** Those who have registered with an earlier server of the same token. */
  readonly kept: readonly KeptRegistration[];
  /** Told of each new registration before its member is answered; a member counts as registered once this resolves. */
  readonly onRegister: (registration: KeptRegistration, name: string) => Promise<void>;
}

/**
 * Serves one discovery token to the members of one cluster, and to nobody else.
 *
 * Two things differ from a real discovery service. Only the members that are expected can register. And a member that
 * registers again, with the same ID and the same peer URLs, is answered as it was the first time: its ID follows from
 * these URLs and the token, so it is the same member, whose etcd was ended before it had written down who its peers are.
 * Elsewhere such a member is refused for ever (`found duplicate id`).
 */
export class TokenServer {
  readonly #store = new KeyStore();
  readonly #keys: KeysServer;
  /** Registrations one after another: the order in which they are kept is that of their indexes. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: TokenServerOptions) {
    const { token, members, kept } = options;
    this.#store.set(`${token}/_config/size`, String(members.length));
    for (const { id, value } of kept) this.#store.create(`${token}/${id}`, value);
    this.#keys = new KeysServer(this.#store, (key, value) => this.#inTurn(() => this.#register(key, value)));
  }

  serve(stream: Duplex): void {
    this.#keys.serve(stream);
  }

  close(): void {
    this.#keys.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #register(key: string, value: string): Promise<Change> {
    const { token, members, onRegister } = this.options;
    const id = key.slice(token.length + 1);
    if (!key.startsWith(`${token}/`) || !/^[0-9a-f]{1,16}$/.test(id)) {
      throw unauthorized('only members of the cluster register here', this.#store.index);
    }
    const present = this.#registrations().find((node) => node.key === key);
    if (present?.value === value) return { action: 'create', node: present };
    if (present) throw keyExists(key, this.#store.index);

    const registered = parseRegistration(value);
    if (!registered || !members.some((member) => isRegistrationOf(registered, member))) {
      throw unauthorized(`${value.slice(0, 200)} is no member of the cluster`, this.#store.index);
    }
    const twin = this.#registrations().find((node) => parseRegistration(node.value)?.name === registered.name);
    if (twin) throw unauthorized(`${registered.name} is registered as ${twin.key}`, this.#store.index);
    await onRegister({ id, value }, registered.name);
    return this.#store.create(key, value);
  }

  #registrations() {
    const found = this.#store.get(this.options.token);
    return 'nodes' in found ? found.nodes : [];
  }
}
