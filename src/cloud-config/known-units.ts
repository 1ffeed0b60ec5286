/** Units that CoreOS or systemd bring along and that cloud-configs are known to command; not every unit there is. */
const KNOWN = new Set(
  `audit-rules bootengine chronyd containerd cri-o dbus docker early-docker etcd etcd2 etcd-member fleet flanneld
   flannel-docker-opts getty@tty1 iptables-restore ip6tables-restore iscsid kubelet lldpad locksmithd locksmith
   lvm2-lvmetad mdmonitor multipathd nfs-mountd nfsd ntpd ntpdate oem-cloudinit open-iscsi rkt-api rkt-metadata
   rpc-mountd rpc-statd rpcbind settimezone ssh sshd sshd-keygen sshguard tcsd update-engine update-engine-stub
   vmtoolsd waagent zfs-mount cron crond rsyslog nginx haproxy`
    .split(/\s+/)
    .map((name) => `${name}.service`),
);
const OTHERS = new Set(
  `docker.socket early-docker.target fleet.socket sshd.socket ssh.socket rpcbind.socket iscsid.socket rkt-metadata.socket
   update-engine-stub.timer fstrim.timer logrotate.timer btrfs-scrub.timer man-db.timer containerd.socket dbus.socket
   tmp.mount etcd.socket`.split(/\s+/),
);

/** Whether a unit comes with the operating system, as far as one can know without the host. */
export function isKnownUnit(name: string): boolean {
  return (
    KNOWN.has(name) ||
    OTHERS.has(name) ||
    /^(?:systemd-|user-|getty@|serial-getty@|dev-|sys-|-\.|coreos-|system-|flatcar-)/.test(name) ||
    /\.(?:target|device|slice|scope)$/.test(name)
  );
}
