import { keyExists, indexCleared, keyNotFound, notADirectory, type KeysError } from './errors.js';

/** A node as etcd's v2 keys API shows it (etcd, Documentation/v2/api.md). */
export interface Node {
  readonly key: string;
  readonly value: string;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
}

export interface Directory {
  readonly key: string;
  readonly dir: true;
  readonly nodes: readonly Node[];
}

/** Something that has happened to a key. */
export interface Change {
  readonly action: 'create' | 'set';
  readonly node: Node;
}

/**
 * The index before the first change. Clients watch from one below the index at which a key was created, and take 0 for
 * "from now on": indexes of keys must be above 1, as they are in every real etcd.
 */
const FIRST_INDEX = 3;

/** Changes that are kept for watchers that come late, as many as etcd keeps (etcdserver/api/v2store, newWatcherHub). */
const HISTORY = 1000;

/**
 * The keys of etcd's v2 API, in memory: values below one level or more of directories, an index that counts changes, and
 * watchers. What is set in the same order has the same indexes, so that it can be rebuilt. Pure.
 */
export class KeyStore {
  readonly #nodes = new Map<string, Node>();
  readonly #watchers = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #index = FIRST_INDEX;

  /** `X-Etcd-Index`: that of the newest change. */
  get index(): number {
    return this.#index;
  }

  /** @throws KeysError 100 where there is neither a key nor something below it */
  get(key: string): Node | Directory {
    const node = this.#nodes.get(key);
    if (node) return node;
    const nodes = [...this.#nodes.values()].filter((other) => parentOf(other.key) === key && !isHidden(other.key, key));
    const isDirectory = [...this.#nodes.keys()].some((other) => other.startsWith(`${key}/`));
    if (!isDirectory) throw keyNotFound(key, this.#index);
    return { key, dir: true, nodes };
  }

  set(key: string, value: string): Change {
    return this.#change('set', key, value);
  }

  /** @throws KeysError 105 if the key is there, 104 if what should be a directory is a key */
  create(key: string, value: string): Change {
    if (this.#nodes.has(key)) throw keyExists(key, this.#index);
    const parent = this.#nodes.get(parentOf(key));
    if (parent) throw notADirectory(parent.key, this.#index);
    return this.#change('create', key, value);
  }

  /**
   * Tells of the first change at or after an index.
   *
   * @param recursive also what happens below the key, without what is hidden there (`_…`)
   * @param since 0 for the next change from now on
   * @param onChange called once, at once where it has happened already
   * @returns a function that stops watching
   * @throws KeysError 401 if that part of the history is not kept any more
   */
  watch(key: string, recursive: boolean, since: number, onChange: (change: Change) => void): () => void {
    const concerns = ({ node }: Change): boolean =>
      node.key === key || (recursive && node.key.startsWith(`${key}/`) && !isHidden(node.key, key));
    if (since > 0) {
      const oldest = this.#history[0]?.node.modifiedIndex ?? this.#index + 1;
      if (since < oldest && this.#index - FIRST_INDEX > HISTORY) throw indexCleared(oldest, since, this.#index);
      const past = this.#history.find((change) => change.node.modifiedIndex >= since && concerns(change));
      if (past) {
        onChange(past);
        return () => undefined;
      }
    }
    const watcher = (change: Change): void => {
      if (change.node.modifiedIndex < since || !concerns(change)) return;
      this.#watchers.delete(watcher);
      onChange(change);
    };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #change(action: Change['action'], key: string, value: string): Change {
    const modifiedIndex = ++this.#index;
    const before = this.#nodes.get(key);
    const node = { key, value, createdIndex: before?.createdIndex ?? modifiedIndex, modifiedIndex };
    this.#nodes.set(key, node);
    const change = { action, node };
    this.#history = [...this.#history.slice(1 - HISTORY), change];
    for (const watcher of [...this.#watchers]) watcher(change);
    return change;
  }
}

export type { KeysError };

function parentOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** Whether a key is hidden from who looks from above: a part of its path below `from` begins with `_`. */
function isHidden(key: string, from: string): boolean {
  return key.slice(from.length).includes('/_');
}
