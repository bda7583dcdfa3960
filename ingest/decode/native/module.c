/* The Python module _scan. The only part that touches Python objects; the others run without the GIL. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000 /* one build for Python 3.10 and all later ones */
#include <Python.h>

#include "scan.h"

static const char *const STATE = "afterglow.scan";

static void free_node(Node *node) {
  if (!node) return;
  for (int i = 0; i < node->count; i++) {
    free(node->fields[i].key);
    free_shapes(node->fields[i].shapes);
    free_node(node->fields[i].child);
  }
  free_shapes(node->skipped);
  free(node->fields);
  free(node);
}

static void free_state(State *state) {
  if (!state) return;
  for (int i = 0; i < state->count; i++) {
    Event *event = &state->events[i];
    for (int j = 0; event->columns && j < event->line.count; j++) {
      free(event->columns[j].values);
      free(event->columns[j].valid);
      free(event->columns[j].text);
    }
    free(event->columns);
    free(event->line.values);
    free(event->offsets);
    free(event->pair_ends);
    free(event->pairs);
    free(event->line.pairs);
    free(event->prefix);
    free_node(event->root);
  }
  free(state->events);
  free(state);
}

static char *copy_bytes(PyObject *bytes, ptrdiff_t *length) {
  char *data;
  Py_ssize_t size;
  if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) return NULL;
  char *copy = malloc((size_t)size + 1);
  if (!copy) {
    PyErr_NoMemory();
    return NULL;
  }
  memcpy(copy, data, (size_t)size + 1);
  *length = size;
  return copy;
}

/* A list of (key, kind, slot, child fields) -> a node; NULL with an exception set. */
static Node *build_node(PyObject *fields, int slots, Column *columns, int depth) {
  Py_ssize_t count = PyList_Size(fields);
  if (count < 0) return NULL;
  Node *node = depth > MAX_DEPTH ? NULL : calloc(1, sizeof(Node));
  Field *array = node ? calloc((size_t)count + 1, sizeof(Field)) : NULL;
  if (array) node->skipped = new_shapes();
  if (!array || !node->skipped) {
    free(array);
    free(node);
    PyErr_NoMemory();
    return NULL;
  }
  node->fields = array;
  node->count = (int)count;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *key, *child;
    int kind, slot;
    Field *field = &array[i];
    if (!PyArg_ParseTuple(PyList_GetItem(fields, i), "SiiO", &key, &kind, &slot, &child) ||
        !(field->key = copy_bytes(key, &field->length)))
      goto failed;
    if (slot < 0 || slot >= slots || kind < OBJECT || kind > ALL_TRUE) {
      PyErr_SetString(PyExc_ValueError, "no such slot or kind");
      goto failed;
    }
    field->kind = (Kind)kind;
    field->slot = slot;
    if (columns) columns[slot].kind = field->kind; /* the key that an array is checked for is not a column */
    if (kind == OBJECT || kind == ALL_TRUE) {
      if (!(field->child = build_node(child, slots, kind == OBJECT ? columns : NULL, depth + 1))) goto failed;
      if (kind == ALL_TRUE && field->child->count != 1 && field->child->count != PAIR_PARTS) {
        PyErr_SetString(PyExc_ValueError, "an array is checked for one key, and pairs are found by three texts");
        goto failed;
      }
      if (!(field->shapes = new_shapes())) {
        PyErr_NoMemory();
        goto failed;
      }
    }
  }
  return node;
failed:
  free_node(node);
  return NULL;
}

static State *get_state(PyObject *capsule) { return PyCapsule_GetPointer(capsule, STATE); }

static void destroy_capsule(PyObject *capsule) { free_state(get_state(capsule)); }

static PyObject *py_prepare(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *events;
  Py_ssize_t text_cap = INT32_MAX;
  if (!PyArg_ParseTuple(arguments, "O|n", &events, &text_cap)) return NULL;
  Py_ssize_t count = PyList_Size(events);
  if (count < 0) return NULL;
  if (text_cap < 0 || text_cap > INT32_MAX) {
    PyErr_SetString(PyExc_ValueError, "a column's text is addressed with 32 bits");
    return NULL;
  }
  State *state = calloc(1, sizeof(State));
  if (state) state->events = calloc((size_t)count + 1, sizeof(Event));
  if (!state || !state->events) {
    free_state(state);
    return PyErr_NoMemory();
  }
  state->text_cap = (size_t)text_cap;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *prefix, *fields;
    Event *event = &state->events[i];
    state->count = (int)i + 1;
    if (!PyArg_ParseTuple(PyList_GetItem(events, i), "SiO", &prefix, &event->line.count, &fields)) goto failed;
    if (event->line.count < 1 || !(event->prefix = copy_bytes(prefix, &event->prefix_length))) goto failed;
    event->line.values = calloc((size_t)event->line.count, sizeof(Value));
    event->columns = calloc((size_t)event->line.count, sizeof(Column));
    if (!event->line.values || !event->columns) {
      PyErr_NoMemory();
      goto failed;
    }
    if (!(event->root = build_node(fields, event->line.count, event->columns, 0))) goto failed;
  }
  PyObject *capsule = PyCapsule_New(state, STATE, destroy_capsule);
  if (capsule) return capsule;
failed:
  free_state(state);
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "an event has fields");
  return NULL;
}

static PyObject *py_scan(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *bytes, *result = NULL;
  char *data; /* alive without the GIL: the caller holds `arguments` */
  long long offset;
  Py_ssize_t from, to, size;
  if (!PyArg_ParseTuple(arguments, "OSnnL", &capsule, &bytes, &from, &to, &offset)) return NULL;
  if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) return NULL;
  State *state = get_state(capsule);
  Returned returned = {NULL, 0, 0};
  if (state && state->busy)
    PyErr_SetString(PyExc_RuntimeError, "one thread at a time scans with one state");
  else if (from < 0 || to < from || to > size)
    PyErr_SetString(PyExc_ValueError, "no such part of the data");
  else if (state) {
    int64_t lines;
    state->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    lines = scan_block(state, data, from, to, offset, &returned);
    Py_END_ALLOW_THREADS
    state->busy = 0;
    if (lines < 0)
      PyErr_NoMemory();
    else
      result = Py_BuildValue("Ly#", (long long)lines, returned.items ? (char *)returned.items : "",
                             (Py_ssize_t)(returned.count * sizeof(int64_t)));
  }
  free(returned.items);
  return result;
}

static PyObject *build_column(const Column *column, Py_ssize_t rows) {
  Py_ssize_t size = (rows + (column->kind == STRING)) * (Py_ssize_t)width(column->kind);
  return Py_BuildValue("y#y#y#", column->values, size, (char *)column->valid, rows, column->text ? column->text : "",
                       (Py_ssize_t)column->text_size);
}

static PyObject *py_take(PyObject *self, PyObject *capsule) {
  (void)self;
  State *state = get_state(capsule);
  if (!state) return NULL;
  if (state->busy) {
    PyErr_SetString(PyExc_RuntimeError, "a block is being scanned");
    return NULL;
  }
  PyObject *all = PyList_New(0);
  for (int i = 0; all && i < state->count; i++) {
    Event *event = &state->events[i];
    PyObject *columns = PyList_New(0), *taken = NULL;
    for (int j = 0; columns && event->rows && j < event->line.count; j++) {
      Column *column = &event->columns[j];
      PyObject *built = column->kind == OBJECT || column->kind == ALL_TRUE ? Py_BuildValue("") : build_column(column, event->rows);
      if (!built || PyList_Append(columns, built) < 0) Py_CLEAR(columns);
      Py_XDECREF(built);
    }
    if (columns)
      taken = Py_BuildValue("ny#Ny#y#", (Py_ssize_t)event->rows, event->offsets ? (char *)event->offsets : "",
                            (Py_ssize_t)(event->rows * (ptrdiff_t)sizeof(int64_t)), columns,
                            event->pair_ends ? (char *)event->pair_ends : "",
                            (Py_ssize_t)(event->rows * (ptrdiff_t)sizeof(int32_t)),
                            event->pairs ? (char *)event->pairs : "", (Py_ssize_t)(event->pair_count * sizeof(Pair)));
    if (!taken || PyList_Append(all, taken) < 0) Py_CLEAR(all);
    Py_XDECREF(taken);
  }
  for (int i = 0; all && i < state->count; i++) {
    Event *event = &state->events[i];
    for (int j = 0; j < event->line.count; j++) event->columns[j].text_size = 0;
    event->rows = 0;
    event->pair_count = 0;
  }
  return all;
}

/* A tuple of bytes -> names that point into them. */
static int read_names(PyObject *tuple, Name *names, int *count) {
  Py_ssize_t size = PyTuple_Size(tuple);
  if (size < 0) return 0;
  if (size > MAX_NAMES) {
    PyErr_SetString(PyExc_ValueError, "too many names");
    return 0;
  }
  for (Py_ssize_t i = 0; i < size; i++) {
    char *text;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(PyTuple_GetItem(tuple, i), &text, &length) < 0) return 0;
    if (!length) {
      PyErr_SetString(PyExc_ValueError, "an empty name");
      return 0;
    }
    names[i].text = text;
    names[i].length = length;
  }
  *count = (int)size;
  return 1;
}

static PyObject *py_thin_plan(PyObject *self, PyObject *arguments) {
  (void)self;
  char *data; /* alive without the GIL: the caller holds `arguments` */
  Py_ssize_t from, to, length, tree, children, test, filled;
  PyObject *bytes, *top, *node, *prefixes, *signs, *result = NULL;
  PlanRules rules;
  memset(&rules, 0, sizeof rules);
  if (!PyArg_ParseTuple(arguments, "SnnOy#y#Oy#Oy#O", &bytes, &from, &to, &top, &rules.tree.text, &tree,
                        &rules.children.text, &children, &node, &rules.test.text, &test, &prefixes, &rules.filled.text,
                        &filled, &signs) ||
      PyBytes_AsStringAndSize(bytes, &data, &length) < 0)
    return NULL;
  rules.tree.length = tree;
  rules.children.length = children;
  rules.test.length = test;
  rules.filled.length = filled;
  if (from < 0 || to < from || to > length)
    PyErr_SetString(PyExc_ValueError, "no such part of the data");
  else if (read_names(top, rules.top, &rules.top_count) && read_names(node, rules.node, &rules.node_count) &&
           read_names(prefixes, rules.prefixes, &rules.prefix_count) && read_names(signs, rules.signs, &rules.sign_count)) {
    const char *begin = data + from, *end = data + to;
    char *out = NULL;
    const char *plan = NULL;
    size_t size = 0;
    int has_sign = 0;
    Py_BEGIN_ALLOW_THREADS
    out = thin_plan(&rules, begin, end, &size, &plan);
    for (int i = 0; plan && i < rules.sign_count && !has_sign; i++) has_sign = holds(plan, end, &rules.signs[i]);
    Py_END_ALLOW_THREADS
    result = out && !has_sign ? Py_BuildValue("y#n", out, (Py_ssize_t)size, plan ? (Py_ssize_t)(plan - data) : (Py_ssize_t)-1)
                 : Py_BuildValue("");
    free(out);
  }
  return result;
}

static PyMethodDef methods[] = {
    {"prepare", py_prepare, METH_VARARGS,
     "(events [(prefix, slots, fields)], text_cap) -> a state for scan and take. No text column gets more than text_cap bytes."},
    {"scan", py_scan, METH_VARARGS,
     "(state, data, begin, end, offset) -> (lines, int64 triples (begin, end, line) of the lines that are returned to Python)."},
    {"take", py_take, METH_O, "State -> per event (rows, offsets, columns of (values, valid, text) or None, ends of the rows' pairs, pairs); empties it."},
    {"thin_plan", py_thin_plan, METH_VARARGS,
     "(data, begin, end, top, tree, children, node, test, prefixes, filled, signs) -> the event with only these top fields, "
     "and of its tree the nodes whose field test begins with a prefix or whose object filled is not empty; and where the "
     "key of the tree begins in the data, or -1. None where the line is not ordinary or holds a sign from the tree on."},
    {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scan", "The native scanner; see README.md.", 0, methods,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scan(void) { return PyModule_Create(&module); }
