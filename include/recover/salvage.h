/* SPDX-License-Identifier: Apache-2.0 */
/* `berthd --recover`. */
#pragma once

#include "base/err.h"

/* Makes a state file out of a damaged or lost one, the copies of its documents, the folders of the
 * data root and the quarantine, and prints what came back and what did not. Starts nothing. Can be
 * run again at any time; no engine may use the data root. Blocking. */
struct err *salvage_data_root(const char *data_root) must_check;
/* ERR_INTERNAL when there is no state file, but there are folders that only one would explain. */
struct err *salvage_check_presence(const char *data_root) must_check;
