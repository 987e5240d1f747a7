"""Layers over the words of an overview.

Not beside a `run_fn`: TFX imports that module anew for each execution, and a layer's class would be another then.
"""

import keras
import tensorflow as tf
from keras import layers, ops


@keras.saving.register_keras_serializable("marquee")
class BiLSTM(layers.Bidirectional):
    """A bidirectional LSTM that gives every step, of sequences whose padding is at their end.

    float32 [N, T, D] and its mask -> float32 [N, T, 2 U]. What is said of padding is for nobody to use.

    Keras takes each step in a loop, where to call a dozen operations costs more than they do. When nothing is learnt,
    all steps are one operation here. It could not learn: the gradients of TensorFlow's operation are wrong (BUILD.md).
    """

    def call(self, sequences, initial_state=None, mask=None, training=None):
        if training is not False or mask is None or initial_state is not None:
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)

        def turned(steps: tf.Tensor) -> tf.Tensor:
            return tf.reverse_sequence(steps, lengths, seq_axis=0, batch_axis=1)

        steps, most = tf.transpose(sequences, [1, 0, 2]), tf.reduce_max(lengths)
        forward = _all_steps(self.forward_layer.cell, steps, most)
        backward = turned(_all_steps(self.backward_layer.cell, turned(steps), most))
        return tf.transpose(tf.concat([forward, backward], axis=-1), [1, 0, 2])


def _all_steps(cell: layers.LSTMCell, steps: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    """float32 [T, N, D] -> [T, N, U], of which steps from `most` on are zeros."""
    nothing, unused = tf.zeros([tf.shape(steps)[1], cell.units]), tf.zeros([cell.units])
    told = tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.cast(most, tf.int64), x=steps, cs_prev=nothing, h_prev=nothing,
        w=tf.concat([cell.kernel, cell.recurrent_kernel], axis=0), b=cell.bias,
        wci=unused, wcf=unused, wco=unused, use_peephole=False, cell_clip=0.0,
    )  # fmt: skip
    return tf.raw_ops.PreventGradient(input=told.h, message="BiLSTM learns with training=True only")


@keras.saving.register_keras_serializable("marquee")
class AttentionPooling(layers.Layer):
    """Mean of the steps of a sequence, weighted by a learnt softmax score (Yang et al. 2016).

    float32 [N, T, D] and its mask -> float32 [N, D]; zeros where every step is masked.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.supports_masking = True
        self.hidden = layers.Dense(64, activation="tanh", name="hidden")
        self.score = layers.Dense(1, use_bias=False, name="score")

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.score.build((*input_shape[:-1], 64))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def call(self, inputs, mask=None):
        return ops.sum(self.attention(inputs, mask) * inputs, axis=1)

    def attention(self, inputs, mask=None):
        """The weights of the steps, float32 [N, T, 1]."""
        steps = ops.reshape(inputs, (-1, inputs.shape[-1]))  # of three axes a product takes longer
        scores = ops.reshape(self.score(self.hidden(steps)), (-1, ops.shape(inputs)[1], 1))
        if mask is None:
            return ops.softmax(scores, axis=1)
        present = ops.cast(mask, scores.dtype)[..., None]
        return ops.softmax(scores - 1e9 * (1 - present), axis=1) * present
