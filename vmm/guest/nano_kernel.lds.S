/* The nano-kernel's image. The user program is linked with it, into pages of its own that user mode may use. */
#include "vmm/guest/abi.h"

ENTRY(kernel_entry)

PHDRS {
  kernel_text PT_LOAD FLAGS(5);
  kernel_rodata PT_LOAD FLAGS(4);
  kernel_data PT_LOAD FLAGS(6);
  monitor_text PT_LOAD FLAGS(5);
  user_text PT_LOAD FLAGS(5);
  user_rodata PT_LOAD FLAGS(4);
}

SECTIONS {
  . = GUEST_KERNEL_IMAGE;
  .text : {
    KEEP(*(.image_header))
    . = GUEST_ISR_STUBS - GUEST_KERNEL_IMAGE;
    KEEP(*(.isr_stubs))
    EXCLUDE_FILE(*user_program*) *(.text .text.*)
  } :kernel_text

  . = ALIGN(GUEST_PAGE_BYTES);
  .rodata : {
    EXCLUDE_FILE(*user_program*) *(.rodata .rodata.*)
    fault_fixups = .;
    KEEP(*(.fault_fixups))
    fault_fixups_end = .;
  } :kernel_rodata

  . = ALIGN(GUEST_PAGE_BYTES);
  .data : { EXCLUDE_FILE(*user_program*) *(.data .data.*) } :kernel_data
  .bss : { EXCLUDE_FILE(*user_program*) *(.bss .bss.* COMMON) } :kernel_data
  ASSERT(. <= GUEST_KERNEL_IMAGE_END, "the kernel does not fit")
  ASSERT(isr_stubs == GUEST_ISR_STUBS, "the ISR stubs are not where recordings expect them")

  . = GUEST_USER_IMAGE;
  .user_text : { *user_program*(.text .text.*) } :user_text
  . = ALIGN(GUEST_PAGE_BYTES);
  .user_rodata : { *user_program*(.rodata .rodata.*) } :user_rodata
  ASSERT(. <= GUEST_USER_IMAGE_END, "the user program does not fit")

  /* The user program keeps its state in registers and on its stack: nothing of it may be writable. */
  .user_data : { *user_program*(.data .data.* .bss .bss.* COMMON) }
  ASSERT(SIZEOF(.user_data) == 0, "the user program has writable data")

  . = GUEST_MONITOR_IMAGE;
  .monitor_text : { *(.monitor_text) } :monitor_text
  ASSERT(. <= GUEST_MONITOR_IMAGE_END, "the monitor does not fit")

  /DISCARD/ : { *(.comment .note .note.* .eh_frame .eh_frame_hdr) }
}
