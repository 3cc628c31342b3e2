/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file is read again on a worker; one that is broken changes nothing. Loop thread. */
#pragma once

struct parts;

void policy_reload(struct parts *p);
