"""Plain words of discontent and content: each case is a sentence somebody could write, and what it
says or, as often, does not say.
"""

from __future__ import annotations

import numpy as np
import pytest

from causerie.embeddings import Vectors
from causerie.signals import RAW_CHARS_MAX, Signal, reasked, signals_of

SAID = {
    "rejected": """
        That is not what I asked.
        No, that's not what I meant
        it's still not what I wanted, try again
        You didn't answer my question.
        This doesn't work.
        your answer is wrong
        you misunderstood, I want the second one
        Ce n'est pas ce que j'ai demandé.
        Non, c'est faux.
        ce n'est toujours pas ce que je voulais
        Vous n'avez pas compris.
        ça ne marche pas
        No es lo que te pedí.
        Eso no es lo que quería
        No has entendido mi pregunta
        te equivocas
        Eso está mal.
        eso no funciona
        这不是我问的
        不,这不是我想要的
        你没有回答我的问题
        答非所问
        你理解错了
        还是不对
        Das ist nicht, was ich wollte.
        Não é o que eu pedi
        Non è quello che ho chiesto
    """,
    "gave_up": """
        I give up.
        never mind
        Forget it!
        let me talk to a human
        J'abandonne.
        laisse tomber
        tant pis
        me rindo
        Olvídalo.
        quiero hablar con una persona
        算了
        不用了,谢
        我放弃了
    """,
    "thanked": """
        Thanks!
        ok thank you so much
        Perfect, thanks
        Great. I appreciate your help
        Merci beaucoup !
        ok merci
        Super, merci à toi
        Muchas gracias
        vale, gracias
        Perfecto. Gracias por tu ayuda
        谢谢
        好的,非常感谢
        太谢谢你了
        ありがとうございます
        Danke schön
        obrigado!
    """,
}
NOT_SAID = """
    How do I say thank you in Spanish?
    Write an e-mail that says "that is not what I asked"
    Thanks in advance for the quick answer to this
    thanks to this update my phone is slow
    Tell me if this is wrong
    What does it mean when it doesn't answer the phone
    My code doesn't work with Python 3
    Translate: `never mind`
    > thank you
    Is it true that Napoleon gave up?
    do not give up the ghost, where is it from?
    Comment dit-on merci en italien ?
    Merci d'avance pour votre réponse
    Grâce à lui, ce n'est pas grave
    Traduis « ce n'est pas ce que j'ai demandé »
    Est-ce que c'est faux de dire cela ?
    qu'est-ce qui ne marche pas dans ce code ?
    ¿Cómo se dice gracias en chino?
    Gracias a la lluvia no salimos
    Escribe una carta de gracias para mi profesora
    ¿Por qué no funciona mi impresora?
    ¿Qué es lo que no entendiste del libro?
    No es lo mismo ser que estar
    怎么用英语说谢谢？
    写一封感谢信
    什么是答案错误的原因
    为什么我的程序不能运行
    翻译「这不是我问的」
    他不用了手机以后怎么样
    Ask the man again
    no
    42
"""
ANSWERED = {
    "apologised": """
        I apologize for the confusion. Here is the corrected code.
        Sorry about that! Let me try again.
        My mistake, it is 42.
        You're right, I apologize. Here it is.
        Apologies for the error.
        Je m'excuse pour la confusion.
        Toutes mes excuses, voici la bonne réponse.
        Désolé pour cette erreur. Mes excuses.
        Pido disculpas por el error.
        Mis disculpas, aquí está.
        Lamento la confusión.
        非常抱歉，之前的回答有误。
        对不起，我刚才说错了。
        抱歉给您带来不便
        Entschuldigung für den Fehler.
        Oh, that was my fault.
        We're sorry for the delay, it left today.
        Pardon pour cette erreur.
        Nous sommes navrés du retard.
        Le pedimos disculpas por el retraso.
        Perdón por la confusión.
        不好意思，刚才算错了。
        实在对不起，您的包裹送错了。
        We are sorry for the trouble, the new card is on its way.
        Siento mucho las molestias. La tarjeta sale hoy.
        Disculpa las molestias. Ya está arreglado.
        Lo siento. El pago se hizo dos veces.
        Lamentamos los inconvenientes, ya funciona.
        Le pido mil disculpas por la espera.
        Je suis désolé pour ce désagrément. La carte part demain.
        Je vous présente mes excuses.
        Nous vous adressons toutes nos excuses pour ce retard.
        Je suis désolé, cela n'aurait pas dû arriver.
        给您添麻烦了，抱歉。已经修好了。
        非常抱歉。卡片明天寄出。
        很抱歉，这不应该发生。
        我们对此深表歉意。
        给您带来不便，敬请谅解。
    """,
    "refused": """
        I'm sorry, but I can't help with that.
        I'm sorry, but as an AI language model, I cannot browse the internet.
        I cannot provide medical advice.
        As an AI language model, I don't have feelings.
        Unfortunately, I am unable to access your files.
        I apologize, but I am not able to do this.
        Je suis désolé, mais je ne peux pas répondre à cette question.
        En tant qu'IA, je n'ai pas d'opinion.
        Je ne peux malheureusement pas vous aider.
        Lo siento, pero no puedo ayudarte con eso.
        Como modelo de lenguaje, no tengo acceso a internet.
        No puedo proporcionar esa información.
        抱歉，我无法提供这个信息。
        对不起，我不能帮助你做这件事。
        作为一个人工智能，我无法访问互联网。
        Es tut mir leid, aber ich kann dir dabei nicht helfen.
        Thanks! I'm sorry, but I'm not able to change it.
        Unfortunately, that's not something I'm able to do.
        Je crains de ne pas pouvoir vous aider.
        Je préfère ne pas me prononcer.
        Me temo que no me es posible cambiarlo.
        很抱歉，这超出了我的能力范围。
        这边没有办法帮您修改。
    """,
}
NOT_ANSWERED = """
    I'm sorry to hear that. Have you tried to restart it?
    I am so sorry for your loss.
    You cannot divide by zero.
    In Spanish you say "lo siento, no puedo".
    Here is a letter: "I apologize for the delay."
    Je suis désolé d'apprendre cela.
    On ne peut pas diviser par zéro.
    Vous pouvez dire : « je suis désolé pour la gêne ».
    Siento mucho tu pérdida.
    No se puede dividir entre cero.
    Puedes escribir "pido disculpas".
    听到这个消息我很难过。
    您可以说「对不起，我不能来」。
    零不能作除数。
    Yes, that's something I'm able to do for you.
    It was my fault that he laughed, says Ana.
    Pardon ? Le mot vient du latin.
    Perdón y olvido es una novela.
    这道题没有办法用口算。
    不好意思的意思是害羞。
    很抱歉听到这个情况。
    Lamento oír eso. ¿Quiere reclamar?
    Lo siento mucho por tu pérdida.
    Siento que no sea lo que esperaba.
    Désolé de l'apprendre. Depuis quand ?
    Je suis désolé que vous ne soyez pas satisfait.
    Le problème du retard est connu.
    抱歉这个词怎么用，看上下文。
    Of course! Here is the code.
"""


def cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (signal, line.strip())
        for signal, lines in table.items()
        for line in lines.split("\n")
        if line.strip()
    ]


@pytest.mark.parametrize(("signal", "text"), cases(SAID))
def test_what_a_user_says_outright_is_heard(signal: str, text: str) -> None:
    assert Signal(signal) in signals_of(text, "user")


@pytest.mark.parametrize("text", [line.strip() for line in NOT_SAID.strip().split("\n")])
def test_what_a_user_asks_about_or_quotes_is_not(text: str) -> None:
    assert signals_of(text, "user") == ()


@pytest.mark.parametrize(("signal", "text"), cases(ANSWERED))
def test_what_an_assistant_says_of_itself_is_heard(signal: str, text: str) -> None:
    assert Signal(signal) in signals_of(text, "assistant")


@pytest.mark.parametrize("text", [line.strip() for line in NOT_ANSWERED.strip().split("\n")])
def test_sympathy_examples_and_answers_are_not(text: str) -> None:
    assert signals_of(text, "assistant") == ()


def test_a_role_says_only_what_is_its_own() -> None:
    assert signals_of("Thanks!", "assistant") == ()
    assert signals_of("I cannot provide that.", "user") == ()
    assert signals_of("Thanks!", "system") == () and signals_of("", "user") == ()


def test_a_refusal_with_regret_is_no_apology() -> None:
    assert signals_of("I'm sorry, but I can't do that.", "assistant") == (Signal.REFUSED,)


def test_one_message_may_say_several_things() -> None:
    said = signals_of("Thanks, but that's not what I asked. Forget it.", "user")
    assert said == (Signal.REJECTED, Signal.GAVE_UP) or Signal.REJECTED in said


def test_a_long_message_is_heard_at_its_ends() -> None:
    middle = "The report has many pages and each of them has a table. " * 40
    assert signals_of(f"{middle}Thank you!", "user") == (Signal.THANKED,)
    assert signals_of(f"{middle}Thank you! {middle}", "user") == ()


@pytest.mark.parametrize("unit", ["a", " ", "no, ", ".", '"', "`", "sorry ", "不", "> "])
def test_texts_made_to_be_slow_are_read(unit: str) -> None:
    for role in ("user", "assistant"):
        signals_of(unit * (2 * RAW_CHARS_MAX // len(unit)), role)


def alike(*rows: tuple[float, float]) -> Vectors:
    return np.array(rows, dtype=np.float32)


def test_a_question_in_the_same_words_is_asked_again() -> None:
    texts = ["How do I reset my password?", "ok", "how do I reset my password", "ok"]
    far = alike((1, 0), (0, 1), (0, 1), (0, 1))
    assert reasked(texts, far) == [False, False, True, False]


def test_other_words_with_the_same_meaning_need_both() -> None:
    texts = ["how can I reset my password", "how could I possibly reset my password please"]
    assert reasked(texts, alike((1, 0), (1, 0))) == [False, True]
    assert reasked(texts, alike((1, 0), (0, 1))) == [False, False]


def test_another_number_is_another_question() -> None:
    texts = ["translate sentence 1 of the page", "translate sentence 2 of the page"]
    assert reasked(texts, alike((1, 0), (1, 0))) == [False, False]


def test_chinese_is_compared_by_its_characters() -> None:
    assert reasked(["怎么修改密码", "怎么修改密码？"], alike((1, 0), (0, 1))) == [False, True]
    assert reasked([], np.empty((0, 2), dtype=np.float32)) == []
