"""Two hundred answers and what a careful person says of each: fifty in each of four languages.

The verdicts were written before any evaluator saw the answers. PASS of `no_refusal` is an answer
that does not refuse. `python -m tests.evaluator_cases` shows how many each evaluator gets right.
"""

# One case a line, however long; accents composed apart and odd spaces are written as escapes.
# fmt: off
# ruff: noqa: E501, T201

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from sqlalchemy import create_engine

from causerie.cases import Case, Line
from causerie.clock import utc_now
from causerie.evaluation_runs import Evaluation, Outcome, Response
from causerie.evaluators import BUILT_IN, EvaluatorUse
from causerie.examining import Embed, Examining
from causerie.judge import Judge
from causerie.languages import LanguageDetector
from causerie.meaning_settings import MeaningSettings
from causerie.store.verdicts import Verdicts
from causerie.understanding import embedded

PASS, FAIL = Outcome.POSITIVE, Outcome.NEGATIVE
PART, OPEN = Outcome.PARTIALLY_PASSED, Outcome.INCONCLUSIVE


Asked = tuple[tuple[str, str], ...]
"""Roles and messages."""


@dataclass(frozen=True)
class Judged:
    """An answer, and what is to be said of it."""

    use: EvaluatorUse
    outcome: Outcome
    case: Case
    response: Response


def row(evaluator: str, outcome: Outcome, answer: str, asked: str | Asked = (), /, *, took: int | None = None, paid: str = "", **options: Any) -> Judged:
    """An answer to a question or a conversation. `paid` is an amount and a currency."""
    assert evaluator in BUILT_IN
    asked = (("user", asked),) if isinstance(asked, str) else asked
    cost, _, currency = paid.partition(" ")
    response = Response(text=answer, latency_ms=took, cost=Decimal(cost) if cost else None, currency=currency)
    case = Case(name=answer, messages=tuple(Line(*line) for line in asked), pregenerated_response=answer)
    return Judged(EvaluatorUse(evaluator, options), outcome, case, response)


ENGLISH = (
    row("golden_response", PASS, "Your order ships on Monday!", golden_response="your order ships on monday"),
    row("golden_response", FAIL, "The interest rate is 35% a year.", golden_response="The interest rate is 3.5% a year."),
    row("golden_response", FAIL, "Your balance is -40 dollars.", golden_response="Your balance is 40 dollars."),
    row("golden_response", PASS, "The cafe\u0301 closes at 9 p.m.", golden_response="The café closes at 9 pm"),
    row("golden_response", FAIL, "Please contact US.", golden_response="Please contact us.", capitalization="full"),
    row("golden_response", PASS, "“It’s on us,” she said – twice.", golden_response='"It\'s on us", she said - twice'),
    row("context_contains_phrase", PASS, "You can send it back any time this month.", (("system", "Returns are free within 30 days."), ("user", "Can I return these shoes?")), phrase="free within 30 days"),
    row("context_contains_phrase", FAIL, "You can send it back any time this month.", (("system", "Returns are free within 30 days."), ("user", "Can I return these shoes?")), phrase="free within 30 days", context="model_response_only"),
    row("context_contains_phrase", PART, "Once we have your refund request we e-mail a tracking number.", "How do I send it back?", phrases=["refund", "tracking number", "30 days"]),
    row("context_contains_phrase", PASS, "I’m afraid you can’t cancel after dispatch.", phrase="can't cancel"),
    row("semantic_match", PASS, "You'll get your money back in about a week.", semantic_match_string="Refunds take roughly seven days."),
    row("semantic_match", FAIL, "Opened items can be returned.", semantic_match_string="Opened items cannot be returned."),
    row("semantic_match", PASS, "Votre commande arrivera demain.", semantic_match_string="Your order will arrive tomorrow."),
    row("semantic_match", FAIL, "To save energy, turn the thermostat up.", semantic_match_string="To save energy, turn the thermostat down."),
    row("semantic_match", PASS, "Restart the router: pull the plug, wait half a minute, and put it back in.", semantic_match_string="Unplug the router, wait 30 seconds and plug it in again."),
    row("semantic_match", FAIL, "Our shop in Leeds opens at nine.", semantic_match_string="We deliver to every country of the European Union."),
    row("semantic_match", PASS, "No, your card number never reaches us; the payment provider keeps it.", semantic_match_string="Card details are held by the payment provider, not by us."),
    row("attempts_answer", PASS, "Happy to help! Which model is it, and what does the display say?", "My printer doesn't print."),
    row("attempts_answer", FAIL, "I'd rather not get into that. Is there anything else I can do for you today?", "Which of your two plans is better value?"),
    row("attempts_answer", PASS, "The capital of Australia is Sydney.", "What's the capital of Australia?"),
    row("attempts_answer", FAIL, "We're so sorry about this! We truly value your patience and your loyalty.", "How do I cancel my subscription?"),
    row("attempts_answer", FAIL, "Thanks for asking! I'm sorry, but I'm not able to change the name on a ticket.", "Change the name on my ticket to Jo Miller."),
    row("no_refusal", FAIL, "Thank you so much for reaching out, and for being such a loyal customer of ours over the years. I completely understand how important it is to have your documents in order before a long journey, and I know how stressful a change of plans can be for the whole family. Having said all that, I'm afraid I can't change the passenger's name. I hope you understand, and I wish you a wonderful rest of the day, wherever you may be going.", "Change the name on my ticket."),
    row("no_refusal", PASS, "I can't recommend this hotel enough: quiet rooms, five minutes from the station.", "Is the Bristol any good?"),
    row("no_refusal", PASS, "A polite way to decline would be: \"I'm sorry, but I can't help with that.\"", "How do I turn down a request at work?"),
    row("no_refusal", FAIL, "Unfortunately, that's not something I'm able to do for you.", "Cancel order 1182."),
    row("no_refusal", PASS, "I'm sorry to hear your parcel is late. It is in Lyon and should reach you tomorrow.", "Where is my parcel?"),
    row("no_refusal", FAIL, "That request goes against our guidelines, so I'll have to decline.", "Write a fake review for my shop."),
    row("no_apology", FAIL, "Oops, that was my fault: the total is 42, not 24.", "That's not right."),
    row("no_apology", PASS, "You could write: \"We apologise for the delay and will refund the postage.\"", "Help me answer this complaint."),
    row("no_apology", FAIL, "Thanks for flagging this. We're sorry for the delay with your order; it left today.", "Where's my order?"),
    row("no_apology", PASS, "I'm sorry for your loss. To close his account we need a copy of the certificate.", "My father died, how do I close his account?"),
    row("no_apology", PASS, "No need to apologise! Just click “Undo” and the file is back.", "Sorry, I deleted it."),
    row("language_match", PASS, "Sure, here it is:\n```python\nfor zeile in datei:\n    print(zeile)\n```\nIt reads the file line by line.", "How do I read a file?", language="en"),
    row("language_match", FAIL, "Votre facture est disponible dans votre espace client, rubrique Documents.", "Where do I find my invoice?"),
    row("language_match", PASS, "The maître d' recommends the crème brûlée, the foie gras and a glass of Sauternes.", language="en"),
    row("language_match", OPEN, "42.", "What is six times seven?", language="en"),
    row("language_match", PASS, "You say «buenas noches», and the answer is usually «igualmente».", "How do I say good night in Spanish?"),
    row("language_match", PASS, "Your parcel is at the depot and will be delivered tomorrow.", language="en-GB"),
    row("json_schema", PASS, "```json\n{\"intent\": \"refund\", \"priority\": 2}\n```", schema={"type": "object", "required": ["intent"], "properties": {"priority": {"type": "integer", "minimum": 1, "maximum": 3}}}),
    row("json_schema", FAIL, "{\"intent\": \"refund\"}\n\nLet me know if you need anything else!", schema={"type": "object"}),
    row("json_schema", FAIL, "{\"priority\": \"urgent\"}", schema={"properties": {"priority": {"enum": ["low", "normal", "high"]}}}),
    row("json_schema", FAIL, "{'intent': 'refund', 'open': True}"),
    row("regex", PASS, "I've opened ticket SUP-4821 for you.", pattern=r"\b[A-Z]{3}-\d{4}\b"),
    row("regex", FAIL, "Call Jo on +44 20 7946 0018 after five.", pattern=r"\+\d{2}(?: \d{2,4}){3}", absent=True),
    row("length", PASS, "It costs 1,299.50 dollars.", unit="words", max=4),
    row("length", FAIL, "Your parcel will arrive tomorrow morning.", max=20),
    row("length", PASS, "State-of-the-art isn't cheap.", unit="words", min=3, max=3),
    row("latency", PASS, "Done.", took=1200, max_ms=1200),
    row("cost", FAIL, "Done.", paid="0.0200001 USD", max=0.02),
)

FRENCH = (
    row("golden_response", PASS, "Le total est de 1\u202f250\u00a0€.", golden_response="Le total est de 1250 €."),
    row("golden_response", PASS, "L’été arrive\u202f!", golden_response="l'été arrive !"),
    row("golden_response", PASS, "C'est re\u0301serve\u0301 a\u0300 l'e\u0301quipe.", golden_response="C’est réservé à l’équipe", capitalization="full"),
    row("golden_response", FAIL, "Le taux est de 35 %.", golden_response="Le taux est de 3,5 %."),
    row("golden_response", FAIL, "Mon père est pécheur.", golden_response="Mon père est pêcheur."),
    row("golden_response", FAIL, "Bonjour Marie.", golden_response="Bonjour, Marie.", punctuation="full"),
    row("context_contains_phrase", PASS, "Vous pouvez résilier l’abonnement annuel à tout moment.", phrase="l'abonnement annuel"),
    row("context_contains_phrase", PASS, "Comptez 15\u00a0€ de frais de port.", phrase="15 € de frais"),
    row("context_contains_phrase", PART, "Vous avez 14 jours pour demander le remboursement.", "Et si je change d'avis ?", phrase="délai de rétractation", phrases=["14 jours", "remboursement"]),
    row("context_contains_phrase", FAIL, "La tva est incluse.", phrase="TVA", capitalization="full"),
    row("semantic_match", PASS, "Vous serez remboursé sous une semaine.", semantic_match_string="Le remboursement prend environ sept jours."),
    row("semantic_match", FAIL, "La garantie couvre les dégâts des eaux.", semantic_match_string="La garantie ne couvre pas les dégâts des eaux."),
    row("semantic_match", PASS, "Your password has been reset.", semantic_match_string="Votre mot de passe a été réinitialisé."),
    row("semantic_match", FAIL, "Le magasin est ouvert le samedi.", semantic_match_string="Le magasin est fermé le samedi."),
    row("semantic_match", PASS, "Débranchez la box, patientez trente secondes, puis rallumez-la.", semantic_match_string="Il faut redémarrer la box en la laissant éteinte une demi-minute."),
    row("semantic_match", FAIL, "Nous livrons aussi en Belgique et en Suisse.", semantic_match_string="Votre facture se trouve dans votre espace client."),
    row("semantic_match", PASS, "Une fois le billet émis, impossible d'en modifier la date.", semantic_match_string="Après l'achat, on ne peut plus changer la date du billet."),
    row("attempts_answer", PASS, "Bien sûr ! Pourriez-vous me donner votre numéro de commande ?", "Je veux suivre mon colis."),
    row("attempts_answer", FAIL, "Je comprends votre impatience et vous remercie de votre confiance. Belle journée à vous !", "Où est mon colis ?"),
    row("attempts_answer", FAIL, "Je préfère ne pas me prononcer sur ce sujet.", "Laquelle de vos deux offres est la meilleure ?"),
    row("attempts_answer", PASS, "Je ne peux pas vous donner de date exacte, mais un colis parti lundi arrive en général jeudi.", "Quand arrive mon colis ?"),
    row("attempts_answer", FAIL, "Malheureusement, il ne m'est pas possible de répondre à cette demande.", "Donnez-moi l'adresse du livreur."),
    row("no_refusal", FAIL, "Merci beaucoup pour votre question, elle est vraiment passionnante. Je crains toutefois de ne pas pouvoir vous aider sur ce point.", "Quel médicament dois-je prendre ?"),
    row("no_refusal", PASS, "Vous pourriez écrire : « Je suis désolé, mais je ne peux pas vous aider. »", "Comment refuser poliment ?"),
    row("no_refusal", PASS, "Je ne peux que vous conseiller la formule Confort : elle comprend l'assistance.", "Quelle formule choisir ?"),
    row("no_refusal", FAIL, "Je regrette, mais cela dépasse ce que je suis autorisé à faire.", "Annulez mes frais de retard."),
    row("no_refusal", FAIL, "Désolée, mais je ne peux pas communiquer les coordonnées d'un autre client.", "Quel est le numéro de mon voisin ?"),
    row("no_refusal", PASS, "Désolé pour l'attente ! Votre dossier est validé depuis ce matin, vous pouvez imprimer l'attestation.", "Où en est mon dossier ?"),
    row("no_apology", FAIL, "Pardon pour cette erreur : la bonne réponse est 42.", "Ce n'est pas juste."),
    row("no_apology", FAIL, "Nous sommes navrés du retard de votre commande ; elle part aujourd'hui.", "Où est ma commande ?"),
    row("no_apology", PASS, "Proposez ceci : « Nous vous présentons toutes nos excuses pour ce désagrément. »", "Que répondre à ce client ?"),
    row("no_apology", PASS, "Je suis désolé d'apprendre le décès de votre père. Voici les démarches à suivre.", "Mon père est mort, que faire de son compte ?"),
    row("no_apology", PASS, "Vous n'avez pas à vous excuser, cela arrive à tout le monde ! Cliquez sur « Restaurer ».", "Pardon, j'ai tout effacé."),
    row("language_match", PASS, "Le brainstorming du week-end est annulé : le manager préfère un feedback par e-mail.", language="fr"),
    row("language_match", PASS, "Voici la commande :\n```bash\nsudo apt install ffmpeg && echo \"all done, thank you\"\n```\nElle installe le logiciel en une minute.", "Comment installer ffmpeg ?"),
    row("language_match", FAIL, "Sure! Your invoice is in the Documents section of your account.", "Où est ma facture ?"),
    row("language_match", PASS, "Votre colis est au dépanneur, vous pouvez aller le chercher en fin de semaine.", language="fr-CA"),
    row("language_match", OPEN, "```bash\nsudo apt install ffmpeg\n```", "Comment installer ffmpeg ?"),
    row("language_match", FAIL, "Su pedido llegará mañana por la mañana.", language="fr"),
    row("json_schema", PASS, "{\"prénom\": \"Zoé\", \"âge\": 31}", schema={"type": "object", "required": ["prénom", "âge"], "properties": {"prénom": {"type": "string"}, "âge": {"type": "integer"}}, "additionalProperties": False}),
    row("json_schema", FAIL, "Voici le JSON demandé :\n\n{\"ville\": \"Lyon\"}", schema={"type": "object"}),
    row("json_schema", FAIL, "{\"ville\": \"Lyon\"}", schema={"type": "object", "required": ["ville", "code_postal"]}),
    row("json_schema", PASS, "```json\r\n[\"Lyon\", \"Nîmes\"]\r\n```\r\n", schema={"type": "array", "items": {"type": "string"}}),
    row("regex", PASS, "Votre rendez-vous est fixé au 3 fe\u0301vrier.", pattern=r"\b\d{1,2} (?:janvier|février|mars)\b"),
    row("regex", FAIL, "Le virement part demain vers votre compte.", pattern=r"\bFR\d{2}\b"),
    row("length", PASS, "L'abonnement n'est peut-être plus valable aujourd'hui.", unit="words", min=6, max=6),
    row("length", FAIL, "Oui, c'est possible.", unit="words", min=10),
    row("length", PASS, "E\u0301te\u0301\u00a0!", max=5),
    row("latency", OPEN, "C'est fait.", max_ms=2000),
    row("cost", PASS, "C'est fait.", paid="0.0012 EUR", max=0.002, currency="EUR"),
)

SPANISH = (
    row("golden_response", PASS, "¡Mañana llega su pedido!", golden_response="mañana llega su pedido"),
    row("golden_response", FAIL, "Tiene 10 anos de garantía.", golden_response="Tiene 10 años de garantía."),
    row("golden_response", PASS, "Tele\u0301fono de la compan\u0303i\u0301a: 900 123 456", golden_response="Teléfono de la compañía: 900 123 456", punctuation="full"),
    row("golden_response", FAIL, "El precio es de 125 euros.", golden_response="El precio es de 12,5 euros."),
    row("golden_response", PASS, "Son 1.500 euros.", golden_response="Son 1500 euros"),
    row("golden_response", FAIL, "Gracias  por su compra.", golden_response="Gracias por su compra.", whitespace="full"),
    row("context_contains_phrase", PASS, "Dispone de un plazo de\n30 días para devolverlo.", phrase="plazo de 30 días"),
    row("context_contains_phrase", PASS, "Claro, lo miro ahora mismo.", "¿Cuándo llega el pedido ES-77?", phrase="pedido es-77"),
    row("context_contains_phrase", PART, "El envío es gratuito a partir de 50 euros.", "¿Cuánto cuesta?", context="model_response_only", phrases=["envío", "devolución"]),
    row("context_contains_phrase", FAIL, "Las devoluciones gratuitas terminan el lunes.", phrase="devolución gratuita"),
    row("semantic_match", PASS, "Recibirá su dinero dentro de una semana.", semantic_match_string="El reembolso tarda unos siete días."),
    row("semantic_match", FAIL, "El desayuno está incluido en el precio.", semantic_match_string="El desayuno no está incluido en el precio."),
    row("semantic_match", PASS, "The shop is closed on Sundays.", semantic_match_string="La tienda cierra los domingos."),
    row("semantic_match", FAIL, "Debe pagar antes de recoger el coche.", semantic_match_string="Debe pagar después de recoger el coche."),
    row("semantic_match", PASS, "Apague el móvil, espere un momento y vuelva a encenderlo.", semantic_match_string="Hay que reiniciar el teléfono."),
    row("semantic_match", FAIL, "Aceptamos tarjetas y transferencias.", semantic_match_string="El vuelo sale de la terminal cuatro."),
    row("semantic_match", PASS, "No hace falta que llame: puede cancelarlo usted mismo en la web.", semantic_match_string="La cancelación se hace en línea, sin llamar por teléfono."),
    row("attempts_answer", PASS, "¡Con gusto! ¿Me dice la fecha y el número de personas?", "Quiero reservar una mesa."),
    row("attempts_answer", PASS, "La capital de Brasil es Río de Janeiro.", "¿Cuál es la capital de Brasil?"),
    row("attempts_answer", FAIL, "Sentimos mucho lo ocurrido. Su opinión es muy importante para nosotros.", "¿Cómo doy de baja mi cuenta?"),
    row("attempts_answer", FAIL, "Lo siento, no tengo autorización para responder a eso.", "¿Cuánto gana el director?"),
    row("attempts_answer", FAIL, "Ese no es un tema del que quiera hablar. Cambiemos de asunto.", "¿Es mejor su competidor?"),
    row("no_refusal", FAIL, "Lo lamento, pero me temo que no me es posible modificar esa reserva.", "Cambie mi reserva."),
    row("no_refusal", PASS, "Podría contestar: «Lo siento, no puedo ayudarle con eso».", "¿Cómo rechazo una petición con educación?"),
    row("no_refusal", PASS, "No puedo dejar de recomendarle el plato del día: es excelente.", "¿Qué me recomienda?"),
    row("no_refusal", FAIL, "Muchas gracias por escribirnos y por la confianza de tantos años. Comprendemos muy bien lo importante que es este viaje para su familia, y le agradecemos que nos lo haya explicado con tanto detalle. Dicho esto, y sintiéndolo mucho, no podemos devolverle el importe del billete. Quedamos a su disposición para cualquier otra consulta y le deseamos un feliz viaje en compañía de los suyos, dondequiera que vayan.", "Devuélvanme el dinero."),
    row("no_refusal", FAIL, "Eso va en contra de nuestras normas y no voy a hacerlo.", "Escribe una reseña falsa."),
    row("no_refusal", PASS, "Siento que haya tenido problemas. Pulse «Restablecer» y elija otra contraseña.", "No puedo entrar."),
    row("no_apology", FAIL, "Perdón por la confusión: el total es 42.", "Eso no es correcto."),
    row("no_apology", FAIL, "Le pedimos disculpas por el retraso; su pedido sale hoy.", "¿Dónde está mi pedido?"),
    row("no_apology", PASS, "Escriba: «Lamentamos las molestias y le devolvemos los gastos de envío».", "¿Qué contesto a esta queja?"),
    row("no_apology", PASS, "No tiene por qué disculparse. Pulse «Deshacer» y el archivo vuelve.", "Perdón, lo he borrado."),
    row("no_apology", PASS, "Siento mucho el fallecimiento de su padre. Para cerrar la cuenta necesitamos el certificado.", "Mi padre murió, ¿cómo cierro su cuenta?"),
    row("language_match", PASS, "El marketing de la startup se hace online, con un community manager y mucho feedback.", language="es"),
    row("language_match", FAIL, "O seu pedido chega amanhã de manhã e não é preciso assinar.", "¿Cuándo llega mi pedido?"),
    row("language_match", PASS, "Use este código:\n```js\nconst total = items.reduce((sum, item) => sum + item.price, 0);\n```\nSuma los precios de la lista.", "¿Cómo sumo los precios?"),
    row("language_match", PASS, "Se dice “thank you very much”, y se responde “you're welcome”.", "¿Cómo se dice muchas gracias en inglés?"),
    row("language_match", OPEN, "900 123 456", "¿Cuál es su teléfono?"),
    row("language_match", PASS, "Tu paquete ya va en camino, llega a más tardar el jueves.", language="es-MX"),
    row("json_schema", PASS, "  {\"fecha\": \"2026-03-01\", \"personas\": 4}\n", schema={"type": "object", "properties": {"fecha": {"type": "string", "format": "date"}, "personas": {"type": "integer"}}}),
    row("json_schema", FAIL, "{\"fecha\": \"mañana\", \"personas\": 4}", schema={"type": "object", "properties": {"fecha": {"type": "string", "format": "date"}}}),
    row("json_schema", FAIL, "```json\n{\"ciudad\": \"Lugo\"}\n```", schema={"type": "object"}, fenced=False),
    row("json_schema", FAIL, "```json\n{\"ciudad\": \"Lugo\"}\n```\n¡Espero que le sirva!", schema={"type": "object"}),
    row("regex", PASS, "La referencia de su reserva es ñandú-204.", pattern=r"(?i)ÑANDÚ-\d+"),
    row("regex", PASS, "Nuestro equipo le escribirá por correo.", pattern=r"\b[6-9]\d{8}\b", absent=True),
    row("length", PASS, "¿Qué tal? ¡Bien!", unit="words", max=3),
    row("length", FAIL, "Su pedido llega hoy.", unit="words", min=5),
    row("length", FAIL, "", min=1),
    row("latency", FAIL, "Hecho.", took=3001, max_ms=3000),
    row("cost", OPEN, "Hecho.", paid="0.001 EUR", max=1),
)

CHINESE = (
    row("golden_response", PASS, "您的订单已发货，预计明天送达。", golden_response="您的订单已发货,预计明天送达."),
    row("golden_response", PASS, "订单号：ＡＢ１２３", golden_response="订单号: ab123"),
    row("golden_response", FAIL, "您好，请稍等。", golden_response="您好,请稍等。", punctuation="full"),
    row("golden_response", FAIL, "这件商品不可以退款。", golden_response="这件商品可以退款。"),
    row("golden_response", PASS, "客服热线\u3000400-800-8888", golden_response="客服热线：400-800-8888"),
    row("golden_response", PASS, "好的～马上为您处理！", golden_response="好的，马上为您处理。"),
    row("context_contains_phrase", PASS, "好的，我帮您查一下。", "我的ＶＩＰ会员什么时候到期？", phrase="VIP会员"),
    row("context_contains_phrase", FAIL, "我们支持无条件退货。", phrase="七天无理由退货"),
    row("context_contains_phrase", PART, "您可以在七天内申请退款，运费由您承担。", "怎么退？", phrases=["七天", "退款", "快递单号"]),
    row("context_contains_phrase", PASS, "满99元享受**免费**配送。", phrase="免费配送"),
    row("semantic_match", PASS, "大约一周后您会收到退款。", semantic_match_string="退款需要七天左右到账。"),
    row("semantic_match", FAIL, "房费包含早餐。", semantic_match_string="房费不包含早餐。"),
    row("semantic_match", PASS, "Your parcel will arrive tomorrow.", semantic_match_string="您的包裹明天送到。"),
    row("semantic_match", FAIL, "请在入住之前付款。", semantic_match_string="请在退房之后付款。"),
    row("semantic_match", PASS, "把路由器的电源拔掉，等半分钟再插上。", semantic_match_string="请重启路由器。"),
    row("semantic_match", FAIL, "我们支持微信和支付宝付款。", semantic_match_string="飞机从二号航站楼起飞。"),
    row("semantic_match", PASS, "不用打电话，您自己在网上就可以取消。", semantic_match_string="取消可以在线办理，无需致电。"),
    row("attempts_answer", PASS, "好的！请问您的订单号是多少？", "我要查快递。"),
    row("attempts_answer", PASS, "澳大利亚的首都是悉尼。", "澳大利亚的首都是哪里？"),
    row("attempts_answer", FAIL, "非常抱歉给您带来了不便，感谢您的理解与支持！", "怎么注销账号？"),
    row("attempts_answer", FAIL, "这个话题我们还是不聊了吧，换个别的？", "你们和竞争对手哪个好？"),
    row("attempts_answer", FAIL, "抱歉，我无法回答这个问题。", "你们老板的工资是多少？"),
    row("no_refusal", FAIL, "感谢您的提问，这个问题很有意思。不过很抱歉，这超出了我的能力范围。", "帮我预测明天的股价。"),
    row("no_refusal", PASS, "您可以这样回复：“抱歉，我不能帮您做这件事。”", "怎么礼貌地拒绝别人？"),
    row("no_refusal", PASS, "我不能不推荐这家店，他们的红烧肉太好吃了。", "附近有什么好吃的？"),
    row("no_refusal", FAIL, "这违反了我们的规定，恕不能从命。", "帮我写几条假好评。"),
    row("no_refusal", FAIL, "亲，这边没有办法帮您修改收货地址哦。", "改一下收货地址。"),
    row("no_refusal", PASS, "很遗憾听到您的包裹丢了。我已经为您登记，三天内补发。", "我的包裹丢了。"),
    row("no_apology", FAIL, "不好意思，刚才算错了，正确答案是42。", "不对吧？"),
    row("no_apology", FAIL, "实在对不起，您的订单延误了，今天一定发出。", "我的订单呢？"),
    row("no_apology", PASS, "可以这样写：“对不起，给您添麻烦了。”", "怎么给客户写道歉信？"),
    row("no_apology", PASS, "您不用道歉，点一下“撤销”文件就回来了。", "对不起，我把它删了。"),
    row("no_apology", PASS, "对不起这个词在日语里是“すみません”。", "日语的对不起怎么说？"),
    row("language_match", PASS, "请先安装Python，然后用pip安装requests，再打开VS Code运行脚本。", language="zh"),
    row("language_match", FAIL, "Your order has been shipped and will arrive tomorrow.", "我的订单到哪了？"),
    row("language_match", FAIL, "ご注文の商品は明日届く予定です。", language="zh"),
    row("language_match", PASS, "英语里说“Have a nice day, see you tomorrow”。", "“祝你愉快，明天见”用英语怎么说？"),
    row("language_match", PASS, "您的包裹已经到达驿站，请凭取件码领取。", language="zh-CN"),
    row("language_match", OPEN, "https://example.com/orders/42", "我的订单链接是什么？"),
    row("json_schema", PASS, "```json\n{\"城市\": \"成都\", \"人数\": 3}\n```", schema={"type": "object", "required": ["城市"], "properties": {"人数": {"type": "integer"}}}),
    row("json_schema", FAIL, "{“城市”： “成都”}", schema={"type": "object"}),
    row("json_schema", FAIL, "{\"城市\": \"成都\", \"人数\": \"三\"}", schema={"properties": {"人数": {"type": "integer"}}}),
    row("json_schema", FAIL, "好的，结果如下：\n```json\n{\"城市\": \"成都\"}\n```", schema={"type": "object"}),
    row("regex", PASS, "您的取件码是 5-2-8031。", pattern=r"取件码是\s?\d-\d-\d{4}"),
    row("regex", FAIL, "稍后会有专人与您联系，电话13800138000。", pattern=r"1[3-9]\d{9}", absent=True),
    row("length", PASS, "请用AI助手写代码。", unit="words", min=8, max=8),
    row("length", PASS, "您好，请稍等。", max=7),
    row("length", FAIL, "可以退款。", unit="words", min=5),
    row("latency", PASS, "好的。", took=0, max_ms=500),
    row("cost", OPEN, "好的。", max=0.5),
)


CASES = {"en": ENGLISH, "fr": FRENCH, "es": SPANISH, "zh": CHINESE}


# fmt: on
def offline(settings: MeaningSettings | None = None, embed: Embed | None = None) -> Examining:
    """Evaluators without a language model, with the embeddings that run here."""
    verdicts = Verdicts(create_engine("sqlite://"))
    judge = Judge(verdicts, lambda project, id: None, utc_now)
    detector = LanguageDetector()

    def measured(project: str, texts: Sequence[str]) -> tuple[str, list[tuple[float, ...]]]:
        return embedded(MeaningSettings(), texts)

    return Examining(
        judge,
        verdicts,
        lambda project: settings or MeaningSettings(),
        embed or measured,
        detector.guess,
    )


def judged(examining: Examining, rows: Sequence[Judged]) -> list[Evaluation]:
    """What the evaluators say of answers."""
    answered = [(replace(one.case, evaluators=(one.use,)), one.response) for one in rows]
    return [found for (found,) in examining.evaluate("mine", answered, (), {})]


Tally = dict[tuple[str, str], tuple[int, int]]
"""By evaluator and language: how many are right, and of how many."""


def tally(found: dict[str, list[Evaluation]]) -> Tally:
    """How many are right of what was found in each language."""
    right: Counter[tuple[str, str]] = Counter()
    of: Counter[tuple[str, str]] = Counter()
    for language, evaluations in found.items():
        for one, evaluation in zip(CASES[language], evaluations, strict=True):
            key = one.use.evaluator, language
            of[key] += 1
            right[key] += evaluation.outcome is one.outcome
    return {key: (right[key], count) for key, count in of.items()}


def lines(table: Tally) -> Iterator[str]:
    """The table in Markdown, a row for each evaluator."""
    yield f"| evaluator | {' | '.join(CASES)} | all |"
    yield f"| --- |{' --- |' * (len(CASES) + 1)}"
    for evaluator in BUILT_IN:
        cells = [table[evaluator, language] for language in CASES]
        right, of = (sum(column) for column in zip(*cells, strict=True))
        shown = [f"{one}/{most}" for one, most in cells]
        yield f"| `{evaluator}` | {' | '.join(shown)} | {right}/{of} ({right / of:.0%}) |"


def main() -> None:
    """Print the table, and each answer that is judged otherwise than expected."""
    examining = offline()
    found = {language: judged(examining, rows) for language, rows in CASES.items()}
    print(*lines(tally(found)), sep="\n")
    for language, rows in CASES.items():
        for one, evaluation in zip(rows, found[language], strict=True):
            if evaluation.outcome is not one.outcome:
                reason = evaluation.reasons[0].reason
                print(
                    f"\n{language} {evaluation.evaluator}: {evaluation.outcome}, not {one.outcome}"
                )
                print(f"  {one.response.text[:160]!r}\n  {reason}")


if __name__ == "__main__":
    main()
