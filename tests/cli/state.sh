# What the mistakes are made with: containers, a network and a volume in the states they name.
for name in web paused; do d run -d --name $name busybox sleep 100000 >/dev/null; done
d pause paused >/dev/null
d create --name still busybox true >/dev/null
d run -d --name port -p 18099:80 busybox sleep 100000 >/dev/null
d network create --subnet 10.200.0.0/16 net >/dev/null; d network connect net web
d volume create vol >/dev/null; d create --name user -v vol:/v busybox >/dev/null
d run --name mute --log-driver none busybox true >/dev/null
