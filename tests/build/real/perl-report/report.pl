#!/usr/bin/perl
use strict;
use warnings;
use Table;

my %sum = Table->read(shift)->sums;
printf "%-6s %4d\n", $_, $sum{$_} for sort keys %sum;
