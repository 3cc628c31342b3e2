/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* The JSON of a container's configuration: what clients send, what inspect shows. */
#include "runtime/config.h"

#include "test.h"

TEST(config_reads_a_create_request)
{
    static const char text[] =
        "{\"Image\":\"busybox\",\"Cmd\":\"ls\",\"Entrypoint\":[\"sh\",\"-c\"],\"Env\":[\"A=b\"],"
        "\"Labels\":{\"k\":\"v\"},\"ExposedPorts\":{\"80/tcp\":{}},\"StopTimeout\":3,"
        "\"Healthcheck\":{\"Test\":[\"NONE\"],\"Interval\":5000000000},\"Tty\":true,"
        "\"Unknown\":1}";
    struct config c = {0};

    CHECK_OK(json_decode(test_arena, text, strlen(text), &config_json, &c));
    CHECK_STR(c.image, "busybox");
    CHECK_INT(c.cmd.n, 1);
    CHECK_STR(c.cmd.v[0], "ls");
    CHECK_INT(c.entrypoint.n, 2);
    CHECK_STR(c.exposed_ports.v[0], "80/tcp");
    CHECK_STR(pairs_get(&c.labels, "k"), "v");
    CHECK_INT(*c.stop_timeout, 3);
    CHECK(c.healthcheck->interval_ns == 5000000000LL);
    CHECK(c.tty);
}

TEST(config_prints_as_docker_does)
{
    struct config c = {0};

    CHECK_STR(json_encode(test_arena, &config_json, &c),
              "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
              "\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,"
              "\"StdinOnce\":false,\"Env\":[],\"Cmd\":null,\"Image\":\"\",\"Volumes\":null,"
              "\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{}}");
}

static bool has(const char *json, const char *member)
{
    return strstr(json, member) != NULL;
}

TEST(host_config_prints_as_docker_does)
{
    struct host_config h = {0};
    const char *json = json_encode(test_arena, &host_config_json, &h);

    CHECK(has(json, "\"Binds\":null"));
    CHECK(has(json, "\"PortBindings\":{}"));
    CHECK(has(json, "\"Dns\":[]"));
    CHECK(has(json, "\"CapAdd\":null"));
    CHECK(has(json, "\"SecurityOpt\":null"));
    CHECK(has(json, "\"ConsoleSize\":[0,0]"));
    CHECK(has(json, "\"MemorySwappiness\":null"));
    CHECK(has(json, "\"PidsLimit\":null"));
    CHECK(has(json, "\"OomKillDisable\":null"));
    CHECK(has(json, "\"BlkioWeightDevice\":[]"));
    CHECK(has(json, "\"MaskedPaths\":null"));
    CHECK(has(json, "\"LogConfig\":{\"Type\":\"\",\"Config\":{}}"));
    CHECK(has(json, "\"RestartPolicy\":{\"Name\":\"\",\"MaximumRetryCount\":0}"));
    CHECK(!has(json, "\"Init\""));
    CHECK(!has(json, "\"Mounts\""));
    CHECK(!has(json, "\"Sysctls\""));
}

TEST(host_config_round_trip)
{
    static const char text[] =
        "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]},\"Mounts\":[{"
        "\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":4096}}],\"Devices\":"
        "[{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/b\",\"CgroupPermissions\":\"r\"}],"
        "\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":2,\"Soft\":1}],\"MaskedPaths\":[],"
        "\"PidsLimit\":-1,\"OomKillDisable\":false,\"Init\":true,\"LogConfig\":{\"Type\":\"none\","
        "\"Config\":null},\"ConsoleSize\":[24,80]}";
    struct host_config h = {0}, again = {0};
    const char *json;

    CHECK_OK(json_decode(test_arena, text, strlen(text), &host_config_json, &h));
    CHECK_INT(h.port_bindings.n, 1);
    CHECK(h.masked_paths.v && h.masked_paths.n == 0); /* given, and empty */
    CHECK(!h.readonly_paths.v);
    CHECK_INT(h.init, 1);
    CHECK_INT(h.oom_kill_disable, -1);
    CHECK_INT(*h.pids_limit, -1);
    json = json_encode(test_arena, &host_config_json, &h);
    CHECK_OK(json_decode(test_arena, json, strlen(json), &host_config_json, &again));
    CHECK_STR(json_encode(test_arena, &host_config_json, &again), json);
    CHECK(again.masked_paths.v && !again.readonly_paths.v);
    CHECK_STR(((struct mount_request *)again.mounts.v)->target, "/t");
    CHECK_INT(((struct ulimit *)again.ulimits.v)->hard, 2);
}

TEST(exec_and_network_configs)
{
    static const char exec[] = "{\"Cmd\":[\"ls\"],\"AttachStdout\":true,\"User\":\"a\"}";
    static const char net[] =
        "{\"EndpointsConfig\":{\"n\":{\"Aliases\":[\"x\"],\"IPAMConfig\":{\"IPv4Address\":"
        "\"1.2.3.4\"}},\"m\":null}}";
    struct exec_config x = {0};
    struct networking_config n = {0};
    const struct endpoint_config *e;

    CHECK_OK(json_decode(test_arena, exec, strlen(exec), &exec_config_json, &x));
    CHECK_STR(x.cmd.v[0], "ls");
    CHECK(x.attach_stdout && !x.attach_stdin);
    CHECK_OK(json_decode(test_arena, net, strlen(net), &networking_config_json, &n));
    CHECK_INT(n.endpoints.n, 2);
    e = n.endpoints.v;
    CHECK_STR(e[0].ipam->ipv4, "1.2.3.4");
    CHECK(e[1].ipam == NULL);
}
