/* The C interface of Eigenbit: runs packed networks (.ebit files).
 *
 * A model is what a file holds; it is never changed and any number of threads may read it. A session is a model made
 * ready for inputs of given shapes, with threads and memory of its own; one thread at a time may use it (but for
 * eigenbit_session_cancel), several sessions run side by side. A session outlives its model.
 *
 * Functions that can fail return NULL or a status other than EIGENBIT_OK; eigenbit_last_error() then says why in a
 * sentence. Nothing throws or prints, and nothing but eigenbit_last_error(), which each thread has its own of, is
 * global. Structs of options are filled with zeros before anything is set: zeros stand for the default of each.
 *
 *     eigenbit_model* model = eigenbit_model_open("net.ebit", NULL);
 *     eigenbit_session* session = eigenbit_session_create(model, NULL);
 *     eigenbit_session_set_image(session, 0, pixels, height, width, 3);
 *     eigenbit_session_run(session);
 *     const float* scores = eigenbit_session_output(session, 0);
 */
#ifndef EIGENBIT_H
#define EIGENBIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

typedef struct eigenbit_model eigenbit_model;
typedef struct eigenbit_session eigenbit_session;

typedef enum eigenbit_status { EIGENBIT_OK = 0, EIGENBIT_ERROR = 1, EIGENBIT_CANCELLED = 2 } eigenbit_status;

/* Of this header, which eigenbit_version_number() returns of the library: 10000 major + 100 minor + patch. */
#define EIGENBIT_VERSION_NUMBER 100

#define EIGENBIT_MAX_RANK 6

/* Extents, outermost first. Images are (N, H, W, C). Of a model, an extent of 0 stands for any. */
typedef struct eigenbit_shape {
    int32_t rank;                       /* how many extents it has */
    int64_t extents[EIGENBIT_MAX_RANK]; /* outermost first */
} eigenbit_shape;

typedef enum eigenbit_execution {
    EIGENBIT_EXECUTION_AUTO = 0,  /* int8 where the model has quantizers for all layers that can have one, else float */
    EIGENBIT_EXECUTION_FLOAT = 1, /* float activations */
    EIGENBIT_EXECUTION_INT8 = 2   /* activations and weights of 8 bits; NULL where AUTO would be float */
} eigenbit_execution;

/* Hears a sentence about what is doubtful but goes on, while a call that was given it lasts. `user` is log_user. */
typedef void (*eigenbit_log)(void* user, const char* sentence);

/* Threads of the caller's: calls work(argument, i) once for each i from 0 to count - 1, in any order, all at the same
 * time or fewer, and returns when all have returned. `user` is parallel_user. */
typedef void (*eigenbit_parallel)(void* user, int32_t count, void (*work)(void* argument, int32_t index),
                                  void* argument);

/* How a model is opened: limits for files that are not trusted, and who hears warnings. All zeros, or NULL: any file,
 * of which the weights take at most 1024 elements for each byte and 2^20 more. */
typedef struct eigenbit_model_options {
    int64_t most_bytes;    /* of the file */
    int64_t most_elements; /* of all weights, biases and constants together */
    int64_t most_nodes;    /* of the network */
    eigenbit_log log;      /* hears while the model is opened; NULL: nobody */
    void* log_user;        /* what it is given */
    void* reserved[4];     /* NULL */
} eigenbit_model_options;

/* How a session is made. All zeros, or NULL, is: the model's own shapes with one image, all processors, auto. */
typedef struct eigenbit_session_options {
    const eigenbit_shape* input_shapes; /* one for each of the model's inputs, no extent 0; NULL: as declared, N = 1 */
    int32_t threads;                    /* 0, or more than there are: as many as processors */
    eigenbit_execution execution;       /* in floats or in int8 */
    int64_t most_activation_bytes;      /* NULL where activations would take more */
    eigenbit_log log;                   /* hears while the session is made */
    void* log_user;                     /* what it is given */
    eigenbit_parallel parallel; /* so many threads of the caller's make and run the session; NULL: the library's own */
    void* parallel_user;        /* what they are given */
    void* reserved[4];          /* NULL */
} eigenbit_session_options;

/* The levels that a value is rounded to: value = step * (level - zero_point), levels from 0 to 2^bit_depth - 1. */
typedef struct eigenbit_quantizer {
    int32_t bit_depth;  /* 1 to 16 */
    int32_t zero_point; /* the level of the value 0 */
    float step;         /* from a level to the next */
} eigenbit_quantizer;

typedef enum eigenbit_fit {
    EIGENBIT_FIT_CROP = 0,     /* its shorter side is resized, and the centre cropped */
    EIGENBIT_FIT_COVER = 1,    /* it is resized to cover height and width, and the centre cropped */
    EIGENBIT_FIT_STRETCH = 2,  /* it is resized to height and width */
    EIGENBIT_FIT_LETTERBOX = 3 /* it is resized to lie within them, amid the mean colour */
} eigenbit_fit;

/* How an image becomes the first input: fitted to its size, then (value / 255 - mean) / std, channel by channel. */
typedef struct eigenbit_preprocessing {
    int32_t channels; /* 1, grey, or 3 */
    int32_t is_bgr;   /* nonzero: the network sees blue, green, red */
    int32_t resize;   /* pixels of the shorter side before EIGENBIT_FIT_CROP; 0: as it is */
    int32_t height;   /* of what the network sees; 0: any */
    int32_t width;    /* likewise */
    eigenbit_fit fit; /* how it comes to that size */
    float mean[3];    /* in the order in which the network sees channels */
    float std[3];     /* likewise */
} eigenbit_preprocessing;

/* How values for an input lie in memory. Levels are those of the input's quantizer; ones above its last are the last.
 */
typedef enum eigenbit_format {
    EIGENBIT_FLOAT_NHWC = 0,   /* float32, already normalised, channels last */
    EIGENBIT_FLOAT_NCHW = 1,   /* float32, already normalised, channels second */
    EIGENBIT_PIXELS_NHWC = 2,  /* uint8, grey or RGB, of the input's height and width: normalised as the model says */
    EIGENBIT_LEVELS_UINT8 = 3, /* uint8, levels, channels last */
    EIGENBIT_LEVELS_INT8 = 4   /* int8, levels - 128, channels last */
} eigenbit_format;

/* The sentence of the last call that failed on this thread; "" when none did. Valid until the next one fails. */
const char* eigenbit_last_error(void);
/* Such as "0.1.0". */
const char* eigenbit_version(void);
/* Of the library: the same as EIGENBIT_VERSION_NUMBER where it is the header's. */
int32_t eigenbit_version_number(void);
/* The instruction set in use: "generic", "avx2" or "avx512vnni"; the environment's EIGENBIT_CPU can force one. */
const char* eigenbit_cpu(void);
/* Those that the library was built with, the fastest first; NULL or 0 from their number on. */
const char* eigenbit_cpu_name(size_t index);
/* Nonzero when this computer has it. */
int eigenbit_cpu_is_supported(size_t index);

/* Reads a file. NULL when it cannot be read, is damaged or beyond a limit. `options` may be NULL. */
eigenbit_model* eigenbit_model_open(const char* path, const eigenbit_model_options* options);
/* The same of a file's bytes in memory, which are copied. */
eigenbit_model* eigenbit_model_open_memory(const void* bytes, size_t size, const eigenbit_model_options* options);
/* The same without a copy: the bytes, which may be of a file that the caller has mapped, stay as they are until the
 * model is closed. */
eigenbit_model* eigenbit_model_open_borrowed(const void* bytes, size_t size, const eigenbit_model_options* options);
/* Does nothing for NULL. */
void eigenbit_model_close(eigenbit_model* model);

/* Of a NULL model or an index out of range: 0, NULL or EIGENBIT_ERROR. Text is valid until the model is closed. */
size_t eigenbit_model_input_count(const eigenbit_model* model);
size_t eigenbit_model_output_count(const eigenbit_model* model);
const char* eigenbit_model_input_name(const eigenbit_model* model, size_t input);
const char* eigenbit_model_output_name(const eigenbit_model* model, size_t output);
/* The number of the input or output of this name. */
eigenbit_status eigenbit_model_find_input(const eigenbit_model* model, const char* name, size_t* input);
eigenbit_status eigenbit_model_find_output(const eigenbit_model* model, const char* name, size_t* output);
eigenbit_status eigenbit_model_input_shape(const eigenbit_model* model, size_t input, eigenbit_shape* shape);
/* EIGENBIT_ERROR when the input has none too. */
eigenbit_status eigenbit_model_input_quantizer(const eigenbit_model* model, size_t input,
                                               eigenbit_quantizer* quantizer);
/* EIGENBIT_ERROR when the model does not say how images are prepared too. */
eigenbit_status eigenbit_model_preprocessing(const eigenbit_model* model, eigenbit_preprocessing* preprocessing);
/* Names of a classifier's classes; 0 when the file has none. */
size_t eigenbit_model_class_count(const eigenbit_model* model);
const char* eigenbit_model_class_name(const eigenbit_model* model, size_t index);

/* The layers that int8 execution computes in floats, each with the reason: "conv1: its input is constant". */
size_t eigenbit_model_float_layer_count(const eigenbit_model* model);
const char* eigenbit_model_float_layer(const eigenbit_model* model, size_t index);

/* NULL when shapes do not fit. Sessions of one model with the same shapes and execution share their weights. `options`
 * may be NULL. */
eigenbit_session* eigenbit_session_create(const eigenbit_model* model, const eigenbit_session_options* options);
/* Does nothing for NULL. */
void eigenbit_session_close(eigenbit_session* session);

/* Where the values of an input belong: float32, NHWC, already normalised. Keeps its place and values between runs. It
 * takes memory from the first call on, NULL when there is none; an input that is given as pixels or levels alone does
 * without where int8 execution rounds it first. */
float* eigenbit_session_input(eigenbit_session* session, size_t input);
eigenbit_status eigenbit_session_input_shape(const eigenbit_session* session, size_t input, eigenbit_shape* shape);
/* Fills one image of the first input from 8-bit pixels (height, width, channels): grey or RGB, resized, cropped and
 * normalised as the model says. */
eigenbit_status eigenbit_session_set_image(eigenbit_session* session, int64_t image, const uint8_t* pixels,
                                           int32_t height, int32_t width, int32_t channels);
/* Fills an input, all its images, from as many values as its shape has elements. */
eigenbit_status eigenbit_session_set_input(eigenbit_session* session, size_t input, eigenbit_format format,
                                           const void* values, size_t count);

/* Computes the outputs. EIGENBIT_ERROR when an input holds NaN or infinity. */
eigenbit_status eigenbit_session_run(eigenbit_session* session);
/* Any thread may call it, while the session is open: the run under way, or the next one where there is none, ends after
 * the layer that it computes with EIGENBIT_CANCELLED. Its outputs are worth nothing; the next run is as any. Does
 * nothing for NULL. */
void eigenbit_session_cancel(eigenbit_session* session);
/* float32; valid until the next run. Zeros before the first one. What the network computes, as it is: scores become
 * shares by a softmax that is the caller's, but where the network ends in its own softmax or sigmoid. */
const float* eigenbit_session_output(const eigenbit_session* session, size_t output);
eigenbit_status eigenbit_session_output_shape(const eigenbit_session* session, size_t output, eigenbit_shape* shape);

/* Memory that the session's activations take, and its weights, which it may share with other sessions of the model. */
size_t eigenbit_session_weight_bytes(const eigenbit_session* session);
size_t eigenbit_session_activation_bytes(const eigenbit_session* session);
/* Nonzero when it computes with 8 bits. */
int eigenbit_session_is_int8(const eigenbit_session* session);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
