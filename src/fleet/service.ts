import { TLS_FILES } from '../etcd/transport.js';

/** The names that fleet has on CoreOS. */
export const FLEET_UNIT = 'fleet.service';
export const FLEET_SOCKET_UNIT = 'fleet.socket';

/**
 * The `fleet.service` for hosts that have no such unit.
 *
 * Not `Type=notify`: fleetd 1.0 never notifies. It takes its API socket from systemd and serves none without it. When it
 * is stopped, it stops its units and takes its machine out of the cluster, one unit after the other.
 *
 * @param binary absolute path of fleetd
 * @param digest sha256 of a fleetd that coreup brings: another program is another unit file, and a restart
 */
export function fleetServiceUnit(binary: string, digest?: string): string {
  return `[Unit]
Description=fleet daemon (${binary})
Documentation=https://github.com/coreos/fleet
Wants=network-online.target
Requires=fleet.socket
After=network-online.target fleet.socket etcd2.service
StartLimitIntervalSec=0

[Service]
${digest === undefined ? '' : `# sha256 of fleetd: ${digest}\n`}ExecStart=${binary}
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
`;
}

/**
 * The socket of fleet's API, where fleetctl expects it. Whoever may open it can run anything as root on every machine.
 *
 * @param user who may open it besides root: the one that coreup logs in as, who may become root anyway
 */
export function fleetSocketUnit(user: string): string {
  return `[Unit]
Description=API socket of fleet

[Socket]
ListenStream=/run/fleet.sock
SocketMode=0660
SocketUser=${user}

[Install]
WantedBy=sockets.target
`;
}

/**
 * What fleet must know of its cluster; a cloud-config's `coreos.fleet` section comes after it and wins.
 *
 * @param etcdServers client URLs of etcd: the host's own first. fleet goes on to the next where one does not answer
 * @param certificates digest of the certificates that etcd wants to see: fleet reads them when it starts, so that others
 *   are another drop-in, and a restart
 */
export function fleetDefaults({
  etcdServers,
  publicIp,
  certificates,
}: {
  readonly etcdServers: readonly string[];
  readonly publicIp: string;
  readonly certificates?: string | undefined;
}): string {
  const lines = [
    `Environment="FLEET_ETCD_SERVERS=${etcdServers.join(',')}"`,
    `Environment="FLEET_PUBLIC_IP=${publicIp}"`,
    ...(certificates === undefined
      ? []
      : [
          `# sha256 of the certificates: ${certificates}`,
          `Environment="FLEET_ETCD_CAFILE=${TLS_FILES.ca}"`,
          `Environment="FLEET_ETCD_CERTFILE=${TLS_FILES.client.cert}"`,
          `Environment="FLEET_ETCD_KEYFILE=${TLS_FILES.client.key}"`,
        ]),
  ];
  return `[Service]\n${lines.join('\n')}\n`;
}
