/* A block of lines: events that match become rows, every other line is returned to Python. */
#include "scan.h"

static int return_line(Returned *returned, int64_t begin, int64_t end, int64_t number) {
  if (returned->count + 3 > returned->room) {
    size_t room = returned->room ? returned->room * 2 : 768;
    if (!grow((void **)&returned->items, room * sizeof(int64_t))) return 0;
    returned->room = room;
  }
  returned->items[returned->count++] = begin;
  returned->items[returned->count++] = end;
  returned->items[returned->count++] = number;
  return 1;
}

/* The position behind the line that begins at `line`, if it became a row; NULL if it is Python's. `failed` is set where
 * memory ran out. */
static const char *scan_line(State *state, const char *line, const char *end, int64_t offset, int *failed) {
  for (int i = 0; i < state->count; i++) {
    Event *event = &state->events[i];
    if (end - line < event->prefix_length || memcmp(line, event->prefix, (size_t)event->prefix_length) != 0) continue;
    memset(event->line.values, 0, (size_t)event->line.count * sizeof(Value));
    event->line.pair_count = 0;
    const char *p = read_object(line, end, event->root, &event->line, 0);
    while (p && p < end && (*p == '\r' || *p == ' ' || *p == '\t')) p++;
    if (!p || p >= end || *p != '\n') return NULL;
    Added added = add_row(event, offset, state->text_cap);
    *failed = added == NO_MEMORY;
    return added == ADDED ? p + 1 : NULL;
  }
  return NULL;
}

/* The number of lines in data[from:to], of which the last may have no newline; -1 where memory ran out. `offset` is the
 * log's offset of data[from]. */
int64_t scan_block(State *state, const char *data, ptrdiff_t from, ptrdiff_t to, int64_t offset, Returned *returned) {
  const char *begin = data + from, *end = data + to, *line = begin;
  int64_t lines = 0;
  for (; line < end; lines++) {
    int failed = 0;
    const char *after = scan_line(state, line, end, offset + (line - begin), &failed);
    if (failed) return -1;
    if (!after) {
      const char *newline = memchr(line, '\n', (size_t)(end - line));
      const char *stop = newline ? newline : end;
      if (stop > line && !return_line(returned, line - data, stop - data, lines)) return -1;
      after = newline ? newline + 1 : end;
    }
    line = after;
  }
  return lines;
}
