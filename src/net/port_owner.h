/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a port that we could not bind. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* " (in use by pid 123 (nginx))", or "" when it cannot be told. Blocks. */
void port_owner_text(bool is_udp, uint16_t port, char *out, size_t room);
/* Pure: the inode of the socket bound to a port in a /proc/net/{tcp,udp}[6] text; 0: none.
 * TCP: listening ones only. */
unsigned long port_owner_inode(const char *text, bool is_udp, uint16_t port);
