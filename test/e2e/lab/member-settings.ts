const ETCD2 = `  etcd2:
    advertise-client-urls: http://$private_ipv4:2379
    initial-advertise-peer-urls: http://$private_ipv4:2380
    listen-client-urls: http://0.0.0.0:2379
    listen-peer-urls: http://$private_ipv4:2380
    heartbeat-interval: 200
    election-timeout: 2000
    snapshot-count: 5000
    max-wals: 3
    max-snapshots: 3
    cors: "*"
`;
const UNIT = `    - name: etcd2.service
      command: start
      enable: true
`;

/** Adds to a cloud-config what it needs to be a member's: etcd's settings, and its start. */
export function withEtcd(text: string): string {
  const units = /^ {2}units:\n/m.test(text)
    ? text.replace(/^ {2}units:\n/m, `  units:\n${UNIT}`)
    : /^coreos:\n/m.test(text)
      ? text.replace(/^coreos:\n/m, `coreos:\n  units:\n${UNIT}`)
      : `${text}coreos:\n  units:\n${UNIT}`;
  return units.replace(/^coreos:\n/m, `coreos:\n${ETCD2}`);
}
