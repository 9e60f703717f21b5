/* The C interface of Eigenbit: runs packed networks (.ebit files).
 *
 * A model is what a file holds; it is never changed and any number of threads may read it. A session is a model made
 * ready for inputs of given shapes, with threads and memory of its own; one thread at a time may use it, several
 * sessions run side by side. A session outlives its model.
 *
 * Functions that can fail return NULL or a status other than EIGENBIT_OK; eigenbit_last_error() then says why in a
 * sentence. Nothing throws, and nothing but eigenbit_last_error() is global.
 *
 *     eigenbit_model* model = eigenbit_model_open("net.ebit");
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

typedef enum eigenbit_status { EIGENBIT_OK = 0, EIGENBIT_ERROR = 1 } eigenbit_status;

#define EIGENBIT_MAX_RANK 6

/* Extents, outermost first. Images are (N, H, W, C). Of a model, an extent of 0 stands for any. */
typedef struct eigenbit_shape {
    int32_t rank;
    int64_t extents[EIGENBIT_MAX_RANK];
} eigenbit_shape;

typedef enum eigenbit_execution {
    EIGENBIT_EXECUTION_AUTO = 0,  /* int8 where the model has quantizers for all layers that can have one, else float */
    EIGENBIT_EXECUTION_FLOAT = 1, /* float activations */
    EIGENBIT_EXECUTION_INT8 = 2   /* activations and weights of 8 bits; NULL where AUTO would be float */
} eigenbit_execution;

/* How a session is made. All zeros, or NULL, is: the model's own shapes with one image, all processors, auto. */
typedef struct eigenbit_session_options {
    const eigenbit_shape* input_shapes; /* one for each of the model's inputs, no extent 0; NULL: as declared, N = 1 */
    int32_t threads;                    /* 0, or more than there are: as many as processors */
    eigenbit_execution execution;
} eigenbit_session_options;

/* The sentence of the last call that failed on this thread; "" when none did. Valid until the next one fails. */
const char* eigenbit_last_error(void);
/* Such as "0.1.0". */
const char* eigenbit_version(void);
/* The instruction set in use: "generic", "avx2" or "avx512vnni"; the environment's EIGENBIT_CPU can force one. */
const char* eigenbit_cpu(void);

/* Reads a file, or the bytes of one, which need not stay. NULL when it cannot be read or is damaged. */
eigenbit_model* eigenbit_model_open(const char* path);
eigenbit_model* eigenbit_model_open_memory(const void* bytes, size_t size);
/* Does nothing for NULL. */
void eigenbit_model_close(eigenbit_model* model);

/* Of a NULL model or an index out of range: 0, NULL or EIGENBIT_ERROR. Text is valid until the model is closed. */
size_t eigenbit_model_input_count(const eigenbit_model* model);
size_t eigenbit_model_output_count(const eigenbit_model* model);
const char* eigenbit_model_input_name(const eigenbit_model* model, size_t input);
const char* eigenbit_model_output_name(const eigenbit_model* model, size_t output);
eigenbit_status eigenbit_model_input_shape(const eigenbit_model* model, size_t input, eigenbit_shape* shape);
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

/* Where the values of an input belong: float32, NHWC, already normalised. Keeps its place and values between runs. */
float* eigenbit_session_input(eigenbit_session* session, size_t input);
eigenbit_status eigenbit_session_input_shape(const eigenbit_session* session, size_t input, eigenbit_shape* shape);
/* Fills one image of the first input from 8-bit pixels (height, width, channels): grey or RGB, resized, cropped and
 * normalised as the model says. */
eigenbit_status eigenbit_session_set_image(eigenbit_session* session, int64_t image, const uint8_t* pixels,
                                           int32_t height, int32_t width, int32_t channels);

/* Computes the outputs. EIGENBIT_ERROR when an input holds NaN or infinity. */
eigenbit_status eigenbit_session_run(eigenbit_session* session);
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
