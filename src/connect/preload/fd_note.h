/*
 * What is known of a descriptor besides its port: a few bits each, so that most calls need not ask the kernel. Forgotten
 * when the descriptor is closed by a function that we stand for.
 */
#ifndef EPH_CONNECT_PRELOAD_FD_NOTE_H
#define EPH_CONNECT_PRELOAD_FD_NOTE_H

enum fd_note {
	NOTE_OWN_WINDOW = 1u << 0, /* the program set IP_LOCAL_PORT_RANGE itself */
	NOTE_SENDS = 1u << 1,      /* has sent before, so it is bound or none of ours to bind */
};

/* The highest descriptor that had a port from us or a note, -1 none: who closes all of them need not look at a million. */
int fd_note_highest(void);
void fd_note_reach(int fd);

unsigned fd_note_get(int fd);
void fd_note_set(int fd, enum fd_note note);
void fd_note_clear(int fd, enum fd_note note);
void fd_note_forget(int fd);
void fd_note_copy(int from, int to);

#endif
