/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include "inner.h"
#include "port_owner.h"
#include "test.h"

TEST(port_table_lets_a_wildcard_stand_against_all)
{
    struct port_table *t = port_table_create();
    struct port_map any = {.proto = PORT_TCP}, one = {.proto = PORT_TCP, .host_ip = {10, 0, 0, 1}};
    struct port_map two = {.proto = PORT_TCP, .host_ip = {10, 0, 0, 2}};
    struct port_map udp = {.proto = PORT_UDP}, v6 = {.proto = PORT_TCP, .is_v6 = true};
    struct reservation r = {0}, other = {0};

    one.host_port = any.host_port = 80;
    port_table_take(t, &r, &one);
    CHECK(!port_table_is_free(t, &one, 80));
    CHECK(!port_table_is_free(t, &any, 80));
    CHECK(port_table_is_free(t, &two, 80));
    CHECK(port_table_is_free(t, &udp, 80));
    CHECK(port_table_is_free(t, &v6, 80));
    CHECK(port_table_is_free(t, &one, 81));
    CHECK(port_table_is_free(t, &one, 80 + 2048)); /* same bucket */
    port_table_give_back(&r);
    CHECK(port_table_is_free(t, &any, 80));
    port_table_take(t, &other, &any);
    CHECK(!port_table_is_free(t, &two, 80));
    port_table_destroy(t);
}

TEST(port_table_gives_numbers_round_robin)
{
    struct port_table *t = port_table_create();
    uint16_t first = port_table_next(t);

    CHECK(first >= 1024);
    CHECK(port_table_next(t) > first);
    for (uint32_t i = 2; i < port_table_range(t); i++)
        port_table_next(t);
    CHECK_INT(port_table_next(t), first);
    port_table_destroy(t);
}

static const char tcp[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
                          "retrnsmt   uid  timeout inode\n"
                          "   0: 0100007F:1F90 00000000:0000 01 00000000:00000000 00:00000000 "
                          "00000000     0        0 111 1\n"
                          "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
                          "00000000     0        0 222 1\n";

TEST(port_owner_finds_the_listener)
{
    CHECK_INT(port_owner_inode(tcp, false, 8080), 222);
    CHECK_INT(port_owner_inode(tcp, true, 8080), 111); /* UDP sockets do not listen */
    CHECK_INT(port_owner_inode(tcp, false, 81), 0);
    CHECK_INT(port_owner_inode("", false, 81), 0);
    CHECK_INT(port_owner_inode("\n\n x: y\n", false, 81), 0);
}
