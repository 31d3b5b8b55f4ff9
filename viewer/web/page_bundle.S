        .section .rodata
        .balign 16
        .globl trapline_page_begin
        .globl trapline_page_end
trapline_page_begin:
        .incbin PAGE_FILE
trapline_page_end:

        .section .note.GNU-stack, "", @progbits
