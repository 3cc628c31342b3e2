#!/usr/bin/env python3
"""A small SELinux policy, as CIL, for the virtual machine: Debian's own knows a container_t, but
would need every file of the machine labelled. Everything is kernel_t and may do everything, but
container_t: it has its own files (container_file_t) where its categories dominate theirs, may read
what the kernel shows, and nothing of the host's. What is not named here is allowed.
selinux_policy.py | secilc -o policy.33 -c 33 -f /dev/null /dev/stdin"""

FILE = ("ioctl read write create getattr setattr lock relabelfrom relabelto append map unlink link "
        "rename execute quotaon mounton audit_access open execmod watch watch_mount watch_sb "
        "watch_with_perm watch_reads")
CLASSES = {
    "security": "compute_av compute_create compute_member check_context load_policy compute_relabel "
                "compute_user setenforce setbool setsecparam setcheckreqprot read_policy "
                "validate_trans",
    "process": "fork transition sigchld sigkill sigstop signull signal ptrace getsched setsched "
               "getsession getpgid setpgid getcap setcap share getattr setexec setfscreate "
               "noatsecure siginh setrlimit rlimitinh dyntransition setcurrent execmem execstack "
               "execheap setkeycreate setsockcreate getrlimit",
    "process2": "nnp_transition nosuid_transition",
    "filesystem": "mount remount unmount getattr relabelfrom relabelto associate quotamod quotaget "
                  "watch",
    "fd": "use",
    "key": "view read write search link setattr create",
    "file": FILE + " execute_no_trans entrypoint",
    "dir": FILE + " add_name remove_name reparent search rmdir",
    "chr_file": FILE + " execute_no_trans entrypoint",
    "lnk_file": FILE, "blk_file": FILE, "sock_file": FILE, "fifo_file": FILE,
}
FILES = [c for c, p in CLASSES.items() if p.startswith(FILE)]
# The kernel's own order of initial contexts; all the rest is unlabelled.
SIDS = ("kernel security unlabeled fs file file_labels init any_socket port netif netmsg node "
        "igmp_packet icmp_socket tcp_socket sysctl_modprobe sysctl sysctl_fs sysctl_kernel "
        "sysctl_net sysctl_net_unix sysctl_vm sysctl_dev kmod policy scmp_packet devnull").split()
XATTR = "ext4 xfs btrfs overlay"
TRANS = "tmpfs devtmpfs devpts mqueue hugetlbfs shm"
TASK = "pipefs sockfs eventpollfs"
SHOWN = "proc sysfs cgroup cgroup2"
HOST = "9p rootfs ramfs securityfs selinuxfs bpf tracefs debugfs fuse bdev anon_inodefs nsfs"


def context(type_, role="object_r", level="low"):
    return f"(system_u {role} {type_} ({level} {'high' if role == 'system_r' else level}))"


print("(handleunknown allow)\n(mls true)\n(policycap nnp_nosuid_transition)\n(policycap open_perms)")
for name, perms in CLASSES.items():
    print(f"(class {name} ({perms}))")
print(f"(classorder ({' '.join(CLASSES)}))")
for name in SIDS:
    print(f"(sid {name})")
print(f"(sidorder ({' '.join(SIDS)}))")
print("(sensitivity s0)\n(sensitivityorder (s0))")
for i in range(1024):
    print(f"(category c{i})")
print(f"(categoryorder ({' '.join(f'c{i}' for i in range(1024))}))")
print("(sensitivitycategory s0 (range c0 c1023))")
print("(level low (s0))\n(level high (s0 (range c0 c1023)))")
print("(user system_u)\n(userrange system_u (low high))\n(userlevel system_u low)")
print("(role system_r)\n(role object_r)")
for role in ("system_r", "object_r"):
    print(f"(userrole system_u {role})")
TYPES = ("kernel_t host_t shown_t container_t container_file_t container_ro_file_t other_file_t "
         "spc_t")
for name in TYPES.split():
    print(f"(type {name})\n(roletype system_r {name})\n(roletype object_r {name})")
print("(typeattribute every)\n(typeattributeset every (all))")
for name in SIDS:
    type_, role = ("kernel_t", "system_r") if name in ("kernel", "init") else ("host_t", "object_r")
    print(f"(sidcontext {name} {context(type_, role)})")
for kind, names in (("xattr", XATTR), ("trans", TRANS), ("task", TASK)):
    for name in names.split():
        print(f"(fsuse {kind} {name} {context('host_t')})")
for type_, names in (("shown_t", SHOWN), ("host_t", HOST)):
    for name in names.split():
        print(f"(genfscon {name} / {context(type_)})")
for name in CLASSES:
    for domain in ("kernel_t", "spc_t"):
        print(f"(allow {domain} every ({name} (all)))")
print("(allow every every (filesystem (associate)))")
print("(allow every every (process (sigchld)))")
print("(allow container_t self (process (all)))\n(allow container_t self (process2 (all)))")
print("(allow container_t self (key (all)))")
print("(allow container_t kernel_t (fd (use)))\n(allow container_t kernel_t (fifo_file (all)))")
print("(allow container_t every (filesystem (getattr)))")
print("(allow container_t shown_t (chr_file (write append)))")
for name in FILES:
    most = f"(not (relabelfrom relabelto mounton))"
    print(f"(allow container_t container_file_t ({name} (and (all) {most})))")
    print(f"(allow container_t self ({name} (all)))")
    look = "read getattr open ioctl lock" + (" search" if name == "dir" else "")
    print(f"(allow container_t shown_t ({name} ({look})))")
    print(f"(allow container_t container_ro_file_t ({name} ({look} map execute)))")
    if name != "fifo_file":  # standard streams are the engine's
        print(f"(mlsconstrain ({name} (all)) (or (dom h1 h2) (neq t1 container_t)))")
for name in ("process", "key"):
    print(f"(mlsconstrain ({name} (all)) (or (dom h1 h2) (neq t1 container_t)))")
