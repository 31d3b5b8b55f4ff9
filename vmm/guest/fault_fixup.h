// Instructions that are meant to fault.
#ifndef TRAPLINE_VMM_GUEST_FAULT_FIXUP_H
#define TRAPLINE_VMM_GUEST_FAULT_FIXUP_H

// Follows an instruction with the labels 1 and 2 around it: when it faults, the kernel goes on at 2.
#define FAULT_FIXUP                     \
  ".pushsection .fault_fixups, \"a\"\n" \
  ".quad 1b, 2b\n"                      \
  ".popsection\n"

#endif
