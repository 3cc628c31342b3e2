/* SPDX-License-Identifier: Apache-2.0 */
/* What interrupted copies have left in containers. Loop thread, start-up. */
#pragma once

struct container_table;

void copies_sweep(struct container_table *t); /* after reconcile has looked at each */
