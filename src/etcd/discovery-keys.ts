/** Where a token of the v2 discovery protocol is, for the keys API. */
export function discoveryKey({ path, token }: { readonly path: string; readonly token: string }): string {
  return `/${path}/${token}`;
}

/** Where the size of a token of the v3 discovery protocol is (etcd documentation, "v3 discovery protocol"). */
export function sizeKey(token: string): string {
  return `/_etcd/registry/${token}/_config/size`;
}
