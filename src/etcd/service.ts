import { needsEnableV2, type EtcdVersion } from './version.js';

/** The user that etcd runs as, and its data directory, as on CoreOS. */
export const ETCD_USER = 'etcd';
export const ETCD_DATA_DIR = '/var/lib/etcd2';
export const ETCD_UNIT = 'etcd2.service';
/** The unit of Debian's package: an etcd of one member, which its installation starts. */
export const DEFAULT_UNIT = 'etcd.service';

/**
 * The `etcd2.service` for hosts that have no such unit.
 *
 * `Type=notify`: etcd 3.x says READY once it has joined; a new cluster may wait long for its other members, hence no
 * start timeout. The name defaults to the machine ID, as on CoreOS (`%m`), where a cloud-config sets none.
 *
 * @param binary absolute path of etcd on the host
 * @param digest sha256 of an etcd that coreup brings: another program is another unit file, and a restart
 */
export function etcdServiceUnit(binary: string, version: EtcdVersion, digest?: string): string {
  return `[Unit]
Description=etcd2, run from the etcd of this host (${binary})
Documentation=man:etcd(1)
Wants=network-online.target
After=network-online.target
Conflicts=etcd.service
StartLimitIntervalSec=0

[Service]
Type=notify
${digest === undefined ? '' : `# sha256 of etcd: ${digest}\n`}User=${ETCD_USER}
Environment="ETCD_NAME=%m"
Environment="ETCD_DATA_DIR=${ETCD_DATA_DIR}"
${needsEnableV2(version) ? 'Environment="ETCD_ENABLE_V2=true"\n' : ''}ExecStart=${binary}
Restart=always
RestartSec=2
TimeoutStartSec=infinity
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;
}
