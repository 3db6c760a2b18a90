from __future__ import annotations

import json

import pytest

from sgengine.readers import sse


def kind(payload):
    found = sse.message(payload if isinstance(payload, str) else json.dumps(payload))
    return "".join(mark for mark, is_it in (("v", found.visible), ("r", found.reasoning)) if is_it)


def chat(**delta):
    return {"choices": [{"index": 0, "delta": delta}]}


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (chat(content="a"), "v"),
        (chat(content=" "), "v"),
        (chat(role="assistant", content=""), ""),
        (chat(content=None, refusal=None), ""),
        (chat(reasoning_content="hm"), "r"),
        (chat(reasoning="hm", content="a"), "vr"),
        (chat(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}]), "v"),
        (chat(tool_calls=[{"function": {"arguments": "{"}}]), "v"),
        (chat(tool_calls=[{"id": "x", "function": {"name": "", "arguments": ""}}]), ""),
        (chat(tool_calls=[]), ""),
        (chat(function_call={"name": "f"}), "v"),
        ({"choices": [{"text": "a"}]}, "v"),
        ({"choices": [{"text": "", "finish_reason": "stop"}]}, ""),
        ({"choices": [], "usage": {"completion_tokens": 3}}, ""),
        ({"choices": [{"message": {"content": "all of it"}}]}, "v"),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}, "v"),
        ({"type": "content_block_delta", "delta": {"thinking": "hm"}}, "r"),
        ({"type": "content_block_delta", "delta": {"partial_json": "{"}}, "v"),
        ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, ""),
        ({"type": "response.output_text.delta", "delta": "a"}, "v"),
        ({"type": "response.reasoning_summary_text.delta", "delta": "a"}, "r"),
        ({"type": "response.output_text.done", "text": "a"}, ""),
        ({"token": {"text": "a"}, "generated_text": None}, "v"),
        ({"token": {"text": ""}, "generated_text": "all of it"}, ""),
        ({"generated_text": "all of it"}, "v"),
        ({"text_output": "a"}, "v"),
        ({"error": {"message": "no"}}, ""),
        ("[DONE]", ""),
        (": ping", ""),
        ("", ""),
        ('{"choices": [{"delta": {"content": "cut', ""),
        ({"choices": 7}, ""),
        ("{" * 100_000, ""),
    ],
)
def test_a_message_is_a_chunk_if_it_holds_output(payload, found):
    assert kind(payload) == found


def test_an_event_stream_is_cut_into_its_data():
    text = "event: x\ndata: {1}\n\ndata:{2}\r\n\n: ping\n\ndata: [DONE]\n\n"
    assert sse.events(text) == ["{1}", "{2}", "[DONE]"]
    assert sse.events('{"choices": []}') == ['{"choices": []}']


def test_line_separators_inside_a_text_do_not_cut_it():
    data = json.dumps(chat(content="a\u2028b"), ensure_ascii=False)
    assert sse.events(f"data: {data}\n\n") == [data]


def usage(**counts):
    return sse.message(json.dumps({"choices": [], "usage": counts}))


def test_counts_are_the_last_that_the_server_told():
    started = {"type": "message_start", "message": {"usage": {"input_tokens": 7}}}
    ended = {"type": "response.completed", "response": {"usage": {"output_tokens": 5}}}
    messages = [sse.message(json.dumps(item)) for item in (started, ended)]
    assert sse.counts(messages) == (7, 5, None)
    details = {"reasoning_tokens": 2}
    found = sse.counts([usage(prompt_tokens=7, completion_tokens_details=details), sse.NOTHING])
    assert found == (7, None, 2)
    assert sse.counts([usage(completion_tokens=3), usage(completion_tokens=2**31)]).completion == 3


@pytest.mark.parametrize(
    ("totals", "sizes"),
    [
        ((1, 2, 5), [1, 1, 3]),
        ((2, 2), [2, 0]),
        ((), None),
        ((1, None), None),
        ((0, 1), None),
        ((3, 2), None),
        ((1, 2**40, 3), None),
        ((2**31,), None),
    ],
)
def test_sizes_are_differences_of_the_totals(totals, sizes):
    found = sse.sizes(totals)
    assert (found if found is None else found.tolist()) == sizes
