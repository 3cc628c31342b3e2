/* SPDX-License-Identifier: Apache-2.0 */
/* An image's configuration before it is merged. Pure. */
#pragma once

#include "runtime/config.h"

/* What is wrong in it is put right or left out, with a line each in `warnings`. */
void image_config_mend(struct arena *a, struct config *image, struct strs *warnings);
