# The part of in_vm.sh about user namespaces: an idmapped overlay by way of mount(2), a range for each
# container, devices that really are the cgroup's, limits above root's. The engine is started anew.
echo 'berth:1000000:131072' | tee /etc/subuid >/etc/subgid
engine_stop; engine_start || { not_ok "userns: engine starts"; finish; exit 1; }
mkdir -p "$HOST/idmap"; echo host >"$HOST/idmap/f"; chmod 600 "$HOST/idmap/f"
out=$(b run --rm --userns auto -v un:/vol -v "$HOST/idmap:/bind" --tmpfs /t --ulimit memlock=-1:-1 --oom-score-adj -5 -m 64m busybox sh -c '
echo map=$(echo $(cat /proc/self/uid_map))
echo owners=$(stat -c %u:%g / /bin/busybox /dev/null /dev/pts /t /etc/hosts /bind/f /vol)
echo read=$(cat /bind/f)
echo a >/new; chown 7:8 /new; rm /etc/passwd; mkdir /vol/d; echo b >/bind/made
echo new=$(stat -c %u:%g /new)
echo ping=$(ping -c1 -W5 172.17.0.1 | grep -c "1 packets received")
echo memlock=$(ulimit -l) score=$(cat /proc/self/oom_score_adj)
echo group=$(ls /sys/fs/cgroup/memory.max)
mknod /d c 1 3 2>/dev/null; echo node=$? null=$(echo x >/dev/null; echo $?)
' 2>&1)
same "userns: the map" "0 1000000 65536" "$(lines map "$out")"
same "userns: owners" "0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0" "$(lines owners "$out")"
same "userns: a file of the host's root" host "$(lines read "$out")"
same "userns: the root file system takes writes" 7:8 "$(lines new "$out")"
same "userns: volume and bind on the disk" "0:0 0:0" "$(stat -c %u:%g "$HOST/data/volumes/un/_data/d" "$HOST/idmap/made" | paste -sd' ')"
same "userns: ping" 1 "$(lines ping "$out")"
same "userns: limits and score" "unlimited score=-5" "$(lines memlock "$out")"
same "userns: its cgroup" /sys/fs/cgroup/memory.max "$(lines group "$out")"
same "userns: no node can be made, those of /dev work" "1 null=0" "$(lines node "$out")"
for i in 1 2; do b run -d --name un$i --userns auto busybox sleep 1000 >/dev/null; done
same "userns: exec" "0 0 1065536 65536" "$(b exec un1 sh -c 'echo $(id -u) $(cat /proc/self/uid_map)')"
like "userns: all ranges are taken" 'all 2 ranges' "$(b create --userns auto busybox true 2>&1)"
engine_kill; engine_start || { not_ok "userns: engine starts"; finish; exit 1; }
same "userns: the next engine" "0" "$(b exec un2 id -u)"
b rm -f un1 un2 >/dev/null
engine_stop
