/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: the configuration file is read again, on a worker. What a running engine can take of it
 * is taken at once, on the loop; the rest is said to wait for the next start. A file that does not
 * parse, or says what no engine could start with, changes nothing.
 */
#pragma once

struct engine;
void settings_reload(struct engine *e);        /* loop */
void settings_reload_forget(struct engine *e); /* at the end: nobody uses the settings any more */
