#!/bin/bash
# What a careful admin would write instead of coreup, for the benchmark to compare with: one ssh per host, all at once,
# one stream of files on its stdin, one script at the other end. OpenSSH as it comes, but for the pinned host keys.
#
#   by-hand.sh up DIR      from bare hosts to a healthy cluster
#   by-hand.sh check DIR   ends with 0 if there is nothing to do
#
# In DIR are `hosts` (lines NAME ADDRESS), `id` (the private key), `known_hosts`, and under `files/NAME` what belongs on
# that host: etc/hostname, etcd2.service and its drop-in.
set -euo pipefail
verb=$1
cd -- "$2"

up='
  tar --extract --no-same-owner --directory=/
  hostname "$1"
  install -d -o etcd -g etcd -m 0700 /var/lib/etcd2
  systemctl enable --quiet --now --no-block etcd2.service # reloads systemd in between
  until curl -fs --max-time 2 http://127.0.0.1:2379/health | grep -q "\"health\":\"true\""; do sleep 0.05; done
  until members=$(etcdctl member list) && [ "$(echo "$members" | grep -c ", http://[^ ]*:2379,")" = "$2" ]; do sleep 0.05; done
  echo "$members"
'
check='
  cd /
  sha256sum --check --quiet -
  [ "$(hostname)" = "$1" ]
  systemctl is-enabled --quiet etcd2.service
  systemctl is-active --quiet etcd2.service
  curl -fs --max-time 2 http://127.0.0.1:2379/health | grep -q "\"health\":\"true\""
  members=$(etcdctl member list)
  [ "$(echo "$members" | grep -c ", http://[^ ]*:2379,")" = "$2" ]
  echo "$members"
'

mapfile -t hosts <hosts
size=${#hosts[@]}

# on NAME ADDRESS SCRIPT: runs it there as root, with our stdin.
on() {
  ssh -i id -o IdentitiesOnly=yes -o UserKnownHostsFile=known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes \
    "core@$2" "sudo -n sh -euc ${3@Q} sh $1 $size"
}

case $verb in
  up)
    script=$up
    send() { tar --create --directory="files/$1" .; }
    ;;
  check)
    script=$check
    send() { (cd "files/$1" && find . -type f -exec sha256sum {} +); }
    ;;
  *) exit 2 ;;
esac

lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
jobs=()
for host in "${hosts[@]}"; do
  read -r name address <<<"$host"
  send "$name" | on "$name" "$address" "$script" >"$lists/$name" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done

# Everybody has to tell the same story, with every member in it.
read -r first _ <<<"${hosts[0]}"
for host in "${hosts[@]}"; do
  read -r name address <<<"$host"
  diff <(sort "$lists/$first") <(sort "$lists/$name")
  grep -q ", $name, http://$address:2380, http://$address:2379, false\$" "$lists/$first"
done
