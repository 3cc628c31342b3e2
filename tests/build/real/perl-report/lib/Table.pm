package Table;
use strict;
use warnings;

sub read {
    my ($class, $file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    chomp(my @lines = <$in>);
    return bless [map { [split /,/] } @lines[1 .. $#lines]], $class;
}

sub sums {
    my ($self) = @_;
    my %sum;
    $sum{$_->[0]} += $_->[1] for @$self;
    return %sum;
}

1;
