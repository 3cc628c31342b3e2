/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* Settings: pflag's syntax, the file, conflicts, defaults, refusals. */
#include "core/settings.h"

#include <fcntl.h>

#include "base/fd.h"
#include "base/log.h"

#include "test.h"

static struct settings s;

/* Arguments separated by blanks; never the machine's own /etc/berth/daemon.json. */
static struct err *parse(const char *line)
{
    struct strs args = text_split(test_arena, line, ' ');
    struct strs argv = {0};

    log_set_level(LOG_LEVEL_ERROR);
    strs_add(test_arena, &argv, "berthd");
    if (!strstr(line, "--config-file")) {
        char *empty = path_join(test_arena, test_dir(), "empty.json");

        CHECK_OK(file_write_atomic(AT_FDCWD, empty, "", 0, 0600, false));
        strs_add(test_arena, &argv, arena_printf(test_arena, "--config-file=%s", empty));
    }
    for (size_t i = 0; i < args.n; i++)
        strs_add(test_arena, &argv, args.v[i]);
    s = (struct settings){0};
    return settings_parse(test_arena, (int)argv.n, argv.v, &s);
}

static struct err *parse_file(const char *json, const char *line)
{
    char *path = path_join(test_arena, test_dir(), "daemon.json");

    CHECK_OK(file_write_atomic(AT_FDCWD, path, json, strlen(json), 0600, false));
    return parse(arena_printf(test_arena, "--config-file %s%s%s", path, *line ? " " : "", line));
}

static void check_says(struct err *err, const char *text)
{
    CHECK(err);
    CHECK_INT(err_kind(err), ERR_INVALID);
    if (!strstr(err_text(err), text))
        test_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", err_text(err), text);
    err_drop(err);
}

TEST(defaults)
{
    CHECK_OK(parse(""));
    CHECK_INT(s.hosts.n, 1);
    CHECK_STR(s.hosts.v[0], "unix:///run/berth/berth.sock");
    CHECK_STR(s.data_root, "/var/lib/berth");
    CHECK_STR(s.exec_root, "/run/berth");
    CHECK_STR(s.pidfile, "/run/berth/berthd.pid");
    CHECK_STR(s.log_level, "info");
    CHECK_STR(s.publish_mode, "nat");
    CHECK_STR(s.log_driver, "json-file");
    CHECK_STR(s.group, "berth");
    CHECK_STR(s.default_ip, "0.0.0.0");
    CHECK(!s.bip && !s.bridge && !s.cgroup_parent);
    CHECK_INT(s.max_inflight, 512);
    CHECK_INT(s.max_concurrent_downloads, 3);
    CHECK_INT(s.mtu, 1500);
    CHECK(s.icc && s.ip_forward && s.ip_forward_accept && s.ip_masq && s.live_restore);
    CHECK(!s.debug && !s.ipv6 && !s.no_new_privileges && !s.selinux_enabled && !s.only_version &&
          !s.only_help);
}

TEST(flags_in_all_their_spellings)
{
    CHECK_OK(
        parse("--data-root /a --exec-root=/b -H unix:///c -Hunix:///d -H=unix:///e "
              "--host=unix:///f -Dl debug --ipv6 --icc=false --mtu 1400 --log-opt max-size=10m "
              "--log-opt max-file=3 --label a=b --label c=d --dns 1.1.1.1 --max-inflight=7"));
    CHECK_STR(s.data_root, "/a");
    CHECK_STR(s.exec_root, "/b");
    CHECK_STR(s.pidfile, "/b/berthd.pid");
    CHECK_STR(strs_join(test_arena, &s.hosts, " "), "unix:///c unix:///d unix:///e unix:///f");
    CHECK(s.debug && s.ipv6 && !s.icc);
    CHECK_STR(s.log_level, "debug");
    CHECK_INT(s.mtu, 1400);
    CHECK_INT(s.max_inflight, 7);
    CHECK_STR(pairs_get(&s.log_opts, "max-size"), "10m");
    CHECK_STR(pairs_get(&s.log_opts, "max-file"), "3");
    CHECK_STR(strs_join(test_arena, &s.labels, " "), "a=b c=d");
    CHECK_OK(parse("--debug=false -D=0"));
    CHECK(!s.debug);
    CHECK_OK(parse("-v"));
    CHECK(s.only_version);
    CHECK_OK(parse("--help"));
    CHECK(s.only_help);
}

TEST(paths_and_sockets_become_absolute)
{
    CHECK(chdir("/tmp") == 0);
    CHECK_OK(parse("--data-root x/../y --pidfile ./p -H unix://run/b.sock"));
    CHECK_STR(s.data_root, "/tmp/y");
    CHECK_STR(s.pidfile, "/tmp/p");
    CHECK_STR(s.hosts.v[0], "unix:///tmp/run/b.sock");
    CHECK_OK(parse("-H unix:// -H fd:// --exec-root /tmp/e"));
    CHECK_STR(s.hosts.v[0], "unix:///tmp/e/berth.sock");
    CHECK_STR(s.hosts.v[1], "fd://");
}

TEST(bad_flags_are_refused_in_dockers_words)
{
    check_says(parse("--frobnicate"), "unknown flag: --frobnicate");
    check_says(parse("--frobnicate=x"), "unknown flag: --frobnicate");
    check_says(parse("-Dx"), "unknown shorthand flag: 'x' in -Dx");
    check_says(parse("--host"), "flag needs an argument: --host");
    check_says(parse("-H"), "flag needs an argument: 'H' in -H");
    check_says(parse("--mtu many"),
               "invalid argument \"many\" for \"--mtu\" flag: strconv.ParseInt");
    check_says(parse("--mtu=-1"), "invalid argument \"-1\" for \"--mtu\" flag");
    check_says(parse("--mtu="), "invalid argument \"\" for \"--mtu\" flag");
    check_says(parse("--max-inflight 99999999999"), "invalid argument");
    check_says(parse("--debug=perhaps"), "invalid argument \"perhaps\" for \"-D, --debug\" flag: "
                                         "strconv.ParseBool: parsing \"perhaps\": invalid syntax");
    check_says(parse("--data-root="), "the path is empty");
    check_says(parse("serve"), "accepts no arguments");
    check_says(parse("-- serve"), "accepts no arguments");
    check_says(parse("-"), "accepts no arguments");
    check_says(parse("--authorization-plugin x"), "--policy file");
    check_says(parse("--default-cgroupns-mode x"), "it is host or private");
    check_says(parse("--default-ipc-mode host"), "it is shareable or private");
    check_says(parse("--default-shm-size 0"), "must be greater than 0");
    check_says(parse("--default-network-opt bridge=x"), "invalid default-network-opt bridge=x");
    check_says(parse("--default-gateway x"), "x is not an ip address");
    check_says(parse("--host-gateway-ip x"), "x is not an ip address");
    check_says(parse("--fixed-cidr 10.0.0.0"), "invalid CIDR address: 10.0.0.0");
    check_says(parse("--log-format xml"), "it is text or json");
    check_says(parse("--builder x"), "unknown flag: --builder");
    check_says(parse("--log-level loud"), "invalid logging level: loud");
    check_says(parse("--label nokey"), "bad attribute format: nokey");
    check_says(parse("--dns example.org"), "example.org is not an ip address");
    check_says(parse("--ip nowhere"), "nowhere is not an ip address");
    check_says(parse("--bip 10.0.0.1"), "invalid CIDR address: 10.0.0.1");
    check_says(parse("--bip 10.0.0.1/24 -b br7"), "mutually exclusive");
    CHECK_OK(parse("--bip 10.0.0.1/24"));
    check_says(parse("--fixed-cidr-v6 fd00::1"), "invalid CIDR address: fd00::1");
    check_says(parse("--fixed-cidr-v6 fe80::/64"), "invalid CIDR address: fe80::/64");
    check_says(parse("--fixed-cidr-v6 10.0.0.0/24"), "invalid CIDR address: 10.0.0.0/24");
    CHECK_OK(parse("--ipv6 --fixed-cidr-v6 fd00:7::/64"));
}

TEST(tcp_is_refused_with_a_sentence)
{
    check_says(parse("-H tcp://0.0.0.0:2375"), "berth does not listen on TCP");
    check_says(parse("-H localhost:2375"), "invalid bind address format: localhost:2375");
    check_says(parse(arena_printf(test_arena, "-H unix:///%0120d", 0)), "too long");
}

TEST(flags_without_effect_are_accepted)
{
    CHECK_OK(parse("--live-restore --userland-proxy=false --storage-driver overlay2 -s overlay2 "
                   "--iptables=false --ip6tables --exec-opt native.cgroupdriver=systemd"));
    CHECK(!s.userland_proxy);
}

TEST(the_file_sets_what_no_flag_sets)
{
    CHECK_OK(parse_file("{\"hosts\":[\"unix:///a\",\"fd://\"],\"data-root\":\"/d\",\"debug\":true,"
                        "\"insecure-registries\":[\"10.0.0.0/8\"],\"mtu\":1400,"
                        "\"log-opts\":{\"max-size\":\"1m\"},\"labels\":[\"k=v\"],"
                        "\"storage-driver\":\"overlay2\",\"iptables\":true,\"exec-opts\":[\"x=y\"],"
                        "\"icc\":false}",
                        "--log-level warn"));
    CHECK_INT(s.hosts.n, 2);
    CHECK_STR(s.hosts.v[1], "fd://");
    CHECK_STR(s.data_root, "/d");
    CHECK(s.debug && !s.icc);
    CHECK_STR(s.insecure_registries.v[0], "10.0.0.0/8");
    CHECK_INT(s.mtu, 1400);
    CHECK_STR(pairs_get(&s.log_opts, "max-size"), "1m");
    CHECK_STR(s.log_level, "warn");
    CHECK_OK(parse_file(" \n", ""));
    CHECK_OK(parse_file("{}", ""));
}

TEST(what_dockerd_has_as_objects)
{
    CHECK_OK(parse_file(
        "{\"default-address-pools\":[{\"base\":\"10.8.0.0/16\",\"size\":24}],"
        "\"default-ulimits\":{\"nofile\":{\"Name\":\"nofile\",\"Hard\":9,\"Soft\":7}},"
        "\"default-network-opts\":{\"bridge\":{\"com.docker.network.driver.mtu\":\"1400\"}},"
        "\"default-shm-size\":\"32m\",\"host-gateway-ip\":\"10.0.0.1\",\"features\":{\"cdi\":true},"
        "\"builder\":{\"gc\":{\"enabled\":true}},\"runtimes\":{\"x\":{\"path\":\"/"
        "x\"}},\"init\":true,"
        "\"tls\":true,\"tlscacert\":\"/x\",\"authorization-plugins\":[]}",
        ""));
    CHECK_STR(s.address_pools.v[0], "base=10.8.0.0/16,size=24");
    CHECK_STR(pairs_get(&s.ulimits, "nofile"), "7:9");
    CHECK_STR(s.network_opts.v[0], "bridge=com.docker.network.driver.mtu=1400");
    CHECK_STR(s.host_gateway_ips.v[0], "10.0.0.1");
    CHECK_INT(s.shm_size.value, 32 << 20);
    CHECK(s.init);
}

static struct strs changes;

static void note(void *ctx, const struct settings_change *c)
{
    (void)ctx;
    strs_add(test_arena, &changes,
             arena_printf(test_arena, "%s %s>%s%s", c->key, c->from, c->to,
                          c->is_taken ? "" : " later"));
}

TEST(what_a_reload_takes)
{
    struct settings before;

    CHECK_OK(parse_file("{\"labels\":[\"a=b\"],\"mtu\":1400}", ""));
    before = s;
    CHECK_OK(parse_file("{\"labels\":[\"a=c\"],\"mtu\":1300,\"debug\":true,\"tls\":true}", ""));
    settings_each_change(test_arena, &before, &s, note, NULL);
    CHECK_STR(strs_join(test_arena, &changes, "; "),
              "debug false>true; labels [a=b]>[a=c]; mtu 1400>1300 later");
    settings_take(&before, &s);
    CHECK_STR(before.labels.v[0], "a=c");
    CHECK(before.debug);
    CHECK_INT(before.mtu, 1400);
}

TEST(proxies_are_an_object_of_the_file)
{
    CHECK_OK(parse_file("{\"proxies\":{\"http-proxy\":\"http://p\",\"no-proxy\":\"a,b\"}}",
                        "--https-proxy http://q"));
    CHECK_STR(s.http_proxy, "http://p");
    CHECK_STR(s.https_proxy, "http://q");
    CHECK_STR(s.no_proxy, "a,b");
    check_says(parse_file("{\"proxies\":[]}", ""), "proxies must be an object of strings");
    check_says(parse_file("{\"proxies\":{\"no-proxy\":1}}", ""), "must be a string");
    check_says(parse_file("{\"proxies\":{\"http-proxy\":\"http://u:p@h\"}}", "--http-proxy x:y@z"),
               "(from flag: xxxxx:xxxxx@z, from file: http://xxxxx:xxxxx@h)");
}

TEST(addresses_are_shown_without_passwords)
{
    CHECK_STR(settings_masked(test_arena, "http://u:p@h:1/x"), "http://xxxxx:xxxxx@h:1/x");
    CHECK_STR(settings_masked(test_arena, "u@h"), "xxxxx:xxxxx@h");
    CHECK_STR(settings_masked(test_arena, "http://h/a@b"), "http://h/a@b");
    CHECK_STR(settings_masked(test_arena, ""), "");
}

TEST(mirrors_are_judged)
{
    static const char *const good[] = {"https://m", "m:5000", "ghcr.io=https://m/x",
                                       "reg.lan:5000=m"};
    static const char *const bad[] = {"=m",      "ghcr.io=",      "http://", "http://u@m",
                                      "ftp://m", "https://m?a=b", "a/b=m",   "ghcr.io=u:p@m"};
    const char *url;
    char *domain;

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(settings_mirror(test_arena, good[i], &domain, &url));
    CHECK_STR(domain, "reg.lan:5000");
    CHECK_STR(url, "m");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!settings_mirror(test_arena, bad[i], &domain, &url));
}

TEST(bad_files_are_refused)
{
    check_says(parse("--config-file /nonexistent/daemon.json"), "/nonexistent/daemon.json");
    check_says(parse_file("{\"frob\":1,\"debug\":true,\"Nicate\":2}", ""),
               "the following directives don't match any configuration option: frob, Nicate");
    check_says(parse_file("{\"registry-miror\":[]}", ""),
               "configuration option: registry-miror (did you mean registry-mirrors?)");
    check_says(parse_file("{\"default-address-pools\":[{\"base\":\"10.0.0.0/8\"}]}", ""),
               "directive default-address-pools: must be a list of objects like");
    check_says(parse_file("{\"default-ulimits\":{\"nofile\":5}}", ""), "must be an object like");
    check_says(parse_file("{\"default-network-opts\":{\"bridge\":1}}", ""),
               "must be an object like");
    check_says(parse_file("{\"host-gateway-ip\":{}}", ""), "must be an address or a list");
    check_says(parse_file("{\"default-shm-size\":true}", ""), "must be a whole number");
    check_says(parse_file("{\"authorization-plugins\":[\"x\"]}", ""), "--policy file");
    check_says(parse_file("{\"Debug\":true}", ""), "don't match any configuration option: Debug");
    check_says(parse_file("{\"log-level\":\"info\",\"hosts\":[\"unix:///a\",\"unix:///b\"]}",
                          "--log-level debug -H unix:///c"),
               "the following directives are specified both as a flag and in the configuration "
               "file: log-level: (from flag: debug, from file: info), hosts: (from flag: "
               "[unix:///c], from file: [unix:///a unix:///b])");
    check_says(parse_file("{\"log-opts\":{\"a\":\"1\"}}", "--log-opt b=2"),
               "log-opts: (from flag: map[b:2], from file: map[a:1])");
    check_says(parse_file("{\"debug\":\"yes\"}", ""), "directive debug must be true or false");
    check_says(parse_file("{\"mtu\":1.5}", ""), "directive mtu must be a whole number");
    check_says(parse_file("{\"hosts\":\"unix:///a\"}", ""), "hosts must be a list of strings");
    check_says(parse_file("{\"hosts\":[1]}", ""), "hosts must be a list of strings");
    check_says(parse_file("{\"log-opts\":[]}", ""), "log-opts must be an object of strings");
    check_says(parse_file("{\"data-root\":7}", ""), "directive data-root must be a string");
    check_says(parse_file("[]", ""), "not a JSON object");
    check_says(parse_file("{\"debug\":", ""), "unable to configure the daemon with file");
    check_says(parse_file("{\"hosts\":[\"tcp://1.2.3.4\"]}", ""), "does not listen on TCP");
}
