/** Debian suites that are known to boot and to bring a real etcd: 3.4.23 and 3.5.16. */
export const suites = ['bookworm', 'trixie'] as const;
export type Suite = (typeof suites)[number];

/** Which of the possible images. */
export interface ImageChoice {
  readonly suite: Suite;
  /** Debian packages that it has besides those that every host needs. */
  readonly packages?: readonly string[];
}

/** Everything that decides what is in a host image. Its hash names the image, so a changed recipe is a new image. */
export interface Recipe {
  readonly suite: Suite;
  readonly architecture: string;
  readonly packages: readonly string[];
  /** Files that are written into the image: path → mode and content. */
  readonly files: Readonly<Record<string, { readonly mode: string; readonly content: string }>>;
  readonly enable: readonly string[];
  readonly disable: readonly string[];
  readonly mask: readonly string[];
  /** Shell patterns, relative to the image, of what hosts have no use for. */
  readonly prune: readonly string[];
  /** POSIX shell, run on this machine with the image as working directory and `$PWD` as its root. */
  readonly finish: string;
}

const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'libpam-systemd', 'libnss-myhostname', 'openssh-server', 'sudo'],
  ...['etcd-server', 'etcd-client', 'iproute2', 'iputils-ping', 'ca-certificates', 'curl', 'procps', 'rsync'],
];

const sshd = `# Hosts of coreup: a quick login with keys only.
UseDNS no
PasswordAuthentication no
PermitRootLogin no
PrintMotd no
PrintLastLog no
HostKey /etc/ssh/ssh_host_ed25519_key
# The second file is where coreup keeps its own key: a user-data that rewrites the first one cannot lock it out.
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u
MaxSessions 64
MaxStartups 64
`;

const files: Recipe['files'] = {
  '/etc/ssh/sshd_config.d/10-coreup.conf': { mode: '0644', content: sshd },
  '/etc/sudoers.d/core': { mode: '0440', content: 'core ALL=(ALL:ALL) NOPASSWD: ALL\n' },
  // Nobody reads these logs after a host is gone, and a volatile journal saves eight megabytes of disk a host.
  '/etc/systemd/journald.conf.d/10-coreup.conf': {
    mode: '0644',
    content: '[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\n',
  },
  '/etc/default/locale': { mode: '0644', content: 'LANG=C.UTF-8\n' },
  '/etc/systemd/system.conf.d/10-coreup.conf': { mode: '0644', content: '[Manager]\nDefaultTimeoutStopSec=8s\n' },
};

/** What is switched off: nothing of it serves a host that lives for a test, and each costs time at boot. */
const mask = [
  ...['systemd-networkd-wait-online.service', 'systemd-timesyncd.service', 'systemd-resolved.service'],
  ...['getty.target', 'getty-static.service', 'console-getty.service', 'container-getty@.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
  ...['logrotate.timer', 'man-db.timer', 'systemd-tmpfiles-clean.timer', 'motd-news.timer', 'e2scrub_reap.service'],
  ...['systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service', 'systemd-network-generator.service'],
  ...['dev-hugepages.mount', 'systemd-creds.socket', 'systemd-sysext.socket'],
  // sshd keys are given; trixie would listen on vsock and a local socket as well.
  ...['sshd-keygen.service', 'ssh.socket'],
];

const prune = [
  ...['usr/share/doc/*', 'usr/share/man/*', 'usr/share/info/*', 'usr/share/lintian', 'usr/share/bug'],
  ...['usr/share/locale/*', 'usr/lib/locale/*', 'usr/share/i18n', 'usr/share/zoneinfo/right'],
  ...['var/lib/apt/lists/*', 'var/cache/apt/*', 'var/cache/debconf/*-old', 'var/lib/dpkg/*-old', 'var/log/*'],
  ...['etc/apt/sources.list', 'etc/apt/sources.list.d/*', 'etc/hostname', 'etc/ssh/ssh_host_*', 'tmp/*', 'run/*'],
  ...['etc/update-motd.d/*', 'etc/motd', 'var/lib/dbus/machine-id', 'var/lib/systemd/random-seed'],
];

const finish = `
in_image() { chroot "$PWD" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"; }
in_image groupadd --gid 500 core
in_image useradd --uid 500 --gid core --groups sudo,adm,systemd-journal --create-home --shell /bin/bash --password '*' core
install -d -m 0700 -o 500 -g 500 home/core/.ssh
install -d -m 0755 etc/ssh/authorized_keys.d
install -d -m 0755 etc/systemd/system-generators
ln -s /dev/null etc/systemd/system-generators/systemd-ssh-generator
# sshd answers before systemd says that the boot is over, and a login must not be refused for that.
ln -s /dev/null etc/tmpfiles.d/systemd-nologin.conf
# Motd and mail notices cost two processes a login and say nothing here.
sed -i -E '/pam_(motd|mail)\\.so/d' etc/pam.d/sshd
# A session of logind takes 100 ms of each login and serves nobody here. logind itself starts when it is asked for.
sed -i '/pam_systemd\\.so/d' etc/pam.d/common-session
rm -f usr/lib/systemd/system/multi-user.target.wants/systemd-logind.service
# debootstrap copies this machine's resolver and name into the image.
: > etc/machine-id
rm -f etc/resolv.conf
: > etc/resolv.conf
printf '127.0.0.1 localhost\\n::1 localhost ip6-localhost ip6-loopback\\n' > etc/hosts
`;

/** The recipe for an image on this machine's architecture; the order of the packages asked for makes no other image. */
export function recipeFor({ suite, packages: more = [] }: ImageChoice, architecture: string = process.arch): Recipe {
  const added = [...new Set(more)].filter((name) => !packages.includes(name)).sort();
  return {
    suite,
    architecture,
    packages: [...packages, ...added],
    files,
    enable: ['systemd-networkd.service', 'ssh.service'],
    disable: ['etcd.service'],
    mask,
    prune,
    finish,
  };
}
