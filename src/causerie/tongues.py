"""What is known of languages beside the model: their names, their scripts, their words of chat.

The words are written for this project: greetings, thanks, agreement, and the small words that carry
a short turn. A word may stand under several languages; it then speaks less for each.
"""

from __future__ import annotations

NAMES = {
    "am": "Amharic",
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ml": "Malayalam",
    "mr": "Marathi",
    "ms": "Malay",
    "my": "Burmese",
    "ne": "Nepali",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Filipino",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""English names of the languages that pages may show."""

_CHAT = (
    "ar bg bn ca cs da de el en es fa fi fr he hi hr hu id it ja ko nl no pl pt ro ru sk sr sv "
    "ta te th tl tr uk ur vi zh"
)
CHAT_LANGUAGES = tuple(_CHAT.split())
"""What a project that names no languages is taken to speak."""

SOLE_SCRIPTS = {
    "armenian": ("\u0531-\u058f", "hy"),
    "bengali": ("\u0980-\u09ff", "bn"),
    "burmese": ("\u1000-\u109f", "my"),
    "ethiopic": ("\u1200-\u139f", "am"),
    "georgian": ("\u10a0-\u10ff\u1c90-\u1cbf", "ka"),
    "greek": ("\u0370-\u03ff\u1f00-\u1fff", "el"),
    "gujarati": ("\u0a80-\u0aff", "gu"),
    "gurmukhi": ("\u0a00-\u0a7f", "pa"),
    "han": ("\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af々〇", "zh"),
    "hangul": ("\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "ko"),
    "hebrew": ("\u0590-\u05ff\ufb1d-\ufb4f", "he"),
    "kana": ("\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9d", "ja"),
    "kannada": ("\u0c80-\u0cff", "kn"),
    "khmer": ("\u1780-\u17ff", "km"),
    "lao": ("\u0e80-\u0eff", "lo"),
    "malayalam": ("\u0d00-\u0d7f", "ml"),
    "sinhala": ("\u0d80-\u0dff", "si"),
    "tamil": ("\u0b80-\u0bff", "ta"),
    "telugu": ("\u0c00-\u0c7f", "te"),
    "thai": ("\u0e00-\u0e7f", "th"),
}
"""Scripts that mean one language here: their characters and its code."""

SHARED_SCRIPTS = {
    "arabic": ("\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc", "ar fa ur"),
    "cyrillic": ("\u0400-\u052f", "bg kk mk mn ru sr uk be ky tg tt"),
    "devanagari": ("\u0900-\u097f", "hi mr ne"),
}
"""Scripts of several languages, between which the model decides. All others are Latin's."""

LETTERS = {
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "ca": "àçèéíïòóúü·",
    "cs": "áčďéěíňóřšťúůýž",
    "da": "æøåé",
    "de": "äöüß",
    "en": "éï",
    "es": "áéíñóúü¿¡",
    "et": "äõöüšž",
    "fi": "äöå",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "id": "é",
    "it": "àèéìîòóù",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "ms": "",
    "nl": "éëïóèáöü",
    "no": "æøåéòô",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõúü",
    "ro": "ăâîșşțţ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "ëç",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџшčćđšž",
    "sv": "åäöé",
    "sw": "",
    "tl": "ñ",
    "tr": "çğıöşüâîû",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "vi": "ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ",
}
"""Beyond the plain alphabet, the signs that a language is written with; nothing said of others."""

COMMON = {
    **dict.fromkeys(["en"], 1.0),
    **dict.fromkeys(["ar", "de", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "zh"], 0.7),
    **dict.fromkeys(["fa", "id", "nl", "pl", "th", "tr", "uk", "ur", "vi"], 0.4),
    **dict.fromkeys(["cs", "el", "fi", "he", "hu", "ro", "sv", "da", "no"], 0.2),
}
"""How much more often than others a language is met in chat, as a logarithm, where a project does
not say which it speaks.
"""

UNSPACED = {"han": 1.5, "kana": 2.5, "thai": 4.0, "khmer": 4.0, "lao": 4.0, "burmese": 4.0}
"""Scripts without spaces: how many of their characters weigh as much as a word elsewhere."""

NO_LANGUAGE = "zxx"
"""The code under which what is in no language is kept."""

WORDS = {
    "en": """
        the and you is are was were what why how when where who which that this these those it it'
        i i' me my your his her we they them do does did don' doesn' didn' can can' could would
        should will won' not no yes yeah yep nope hello hi hey thanks thank please sorry okay ok
        sure good great nice bye have has had of to in on for with from about be been just know
        think want need get got let' there here right well now then again more some any really
        very much look come go make tell give he she him if or but so as at by an all out up like
        one who' what' that' i'm help write explain""",
    "fr": """
        le la les un une des du de et est sont suis es j' c' d' l' n' s' m' t' qu' que qui quoi
        quel quelle je tu il elle on nous vous ils elles ne pas plus moi toi lui mon ma mes ton ta
        tes son sa ses notre votre bonjour salut bonsoir merci oui non si s'il plaît plait stp svp
        d'accord voilà ça ca va bien très avec pour dans sur sous chez mais où ou donc comment
        pourquoi quand combien ce cette ces être avoir fait faire peux peut veux veut dois doit ai
        as a ont avez êtes allez vas vais désolé au revoir aux rien tout tous toute encore jamais
        toujours aussi ici là aujourd' quelqu' chose bon monsieur madame""",
    "es": """
        el la los las un una unos de del y es son soy eres está estoy están que qué quién cuál
        cómo cuándo dónde por para con sin en al se me te lo le les nos mi tu su mis tus sus yo tú
        él ella usted ustedes hola gracias sí no vale bueno buenos buenas días tardes noches adiós
        favor perdón claro muy bien mal hay ser estar tengo tiene tienes quiero quiere quieres
        puedo puede puedes hacer hace pero como porque cuando también más menos ya ahora aquí ahí
        allí esto eso este esta ese esa nada todo todos nunca siempre ha he has han fue era vamos
        ven mira señor señora ayuda dime cuánto entonces""",
    "de": """
        der die das den dem des ein eine einen einem einer und ist sind bin bist war waren nicht
        kein keine ich du er sie es wir ihr mich mir dich dir ihn ihm uns euch mein meine dein
        deine sein seine was wer wie wo wann warum welche welcher hallo danke bitte ja nein doch
        gut genau tschüss moin guten tag morgen abend entschuldigung mit von zu zum zur auf in im
        an am bei für nach aus über aber oder wenn weil dass auch noch nur schon sehr mal hier da
        jetzt kann kannst können könnte möchte will willst habe hast hat haben wird werden wurde
        muss soll gibt mach machen alles nichts etwas immer nie""",
    "it": """
        il lo la gli le un uno una di del della dei delle dell' d' l' un' e è sono sei siamo che
        chi cosa come quando dove perché quale quanto non più io tu lui lei noi voi loro mi ti ci
        vi si mio mia tuo tua suo sua ciao grazie prego sì no va bene buongiorno buonasera salve
        scusa scusi arrivederci certo allora con per in da al alla nel nella sul su ma se anche
        molto poco già ancora adesso ora qui qua lì questo questa quello quella ho hai ha abbiamo
        hanno fare fa fai posso puoi può voglio vuoi vuole devo deve c' cos' dov' niente tutto
        tutti sempre mai andiamo stato stata essere""",
    "pt": """
        o a os as um uma de do da dos das e é são sou está estou estão que quem qual como quando
        onde por porque para pra com sem em no na nos nas ao à se me te lhe eu tu você vocês ele
        ela nós eles elas meu minha seu sua teu tua não sim olá oi obrigado obrigada tchau bom boa
        dia tarde noite favor desculpe desculpa claro muito bem mal mais menos já agora aqui ali
        isso isto esse essa este esta tem tenho temos ter ser foi era vai vou vamos quero quer
        pode posso fazer faz mas também nada tudo todos nunca sempre então né gente senhor senhora
        deus ajuda quanto quais há""",
    "nl": """
        de het een en is zijn ben bent was waren niet geen ik jij je u hij zij ze wij we jullie
        mij me jou hem haar ons mijn jouw uw wat wie hoe waar wanneer waarom welke hallo hoi dag
        dank bedankt dankjewel alsjeblieft alstublieft ja nee goed oké doei goedemorgen sorry met
        van voor op in aan bij naar uit over om te er maar of als dat die deze dit ook nog al heel
        erg hier daar nu dan kan kun kunt kunnen wil wilt heb hebt heeft hebben moet moeten zal
        zou gaat gaan ga doe doen maken alles niets iets altijd nooit komt kom weet laat even""",
    "pl": """
        i w na z do że to jest są jestem jesteś nie tak co kto jak gdzie kiedy dlaczego czy który
        która ja ty on ona my wy oni mnie mi ciebie cię ci go jej mu nas was ich mój moja twój
        twoja swój się cześć hej dzień dobry dziękuję dzięki proszę przepraszam dobrze dobra okej
        pa witam bardzo ale albo lub bo żeby też już jeszcze tylko tu tam teraz ten ta te tego tej
        mam masz ma mamy może mogę możesz chcę chcesz wiem wiesz trzeba muszę musisz był była było
        być będzie będę zrobić robi nic wszystko zawsze nigdy po od dla przez pan pani""",
    "ru": """
        и в не на я что он с как это по но она мы к из у за вы так же от ты меня мне бы его да нет
        о все привет здравствуйте здравствуй спасибо пожалуйста хорошо ладно пока извините
        простите очень где когда почему кто зачем сколько какой какая какие есть был была было
        были будет можно нужно надо могу можешь хочу хочешь мой моя твой ваш наш здесь там сейчас
        потом уже ещё еще если только или чтобы для до ничего всё этот эта эти сделать помоги
        напиши расскажи""",
    "uk": """
        і й в у не на я що він з як це по але вона ми до із за ви так ж від ти мене мені його та
        ні про привіт дякую будь ласка добре вітаю бувай вибачте вибач дуже де коли чому хто
        скільки який яка які є був була було були буде можна треба можу хочу мій моя твій ваш наш
        тут там зараз потім вже ще якщо тільки або щоб для нічого все цей ця ці зробити допоможи
        напиши""",
    "bg": """
        и в не на аз че той с как това по но тя ние към от у за вие така ти ме ми му да ще е са
        съм си здравей здравейте благодаря моля добре много къде кога защо кой колко какво има
        няма беше може искам тук там сега вече още ако само или нищо всичко този тази тези мерси
        чао""",
    "sr": """
        и у не на ја да је се шта он са као то али она ми из за ви тако од ти ме га нема има
        здраво хвала молим добро врло где када зашто ко колико какав био била може хоћу овде тамо
        сада већ још ако само или ништа све овај ова ove je da ne se šta sam si hvala zdravo molim
        dobro gde kada zašto ko""",
    "tr": """
        ve bir bu şu o ben sen biz siz onlar bana sana ona beni seni onu benim senin ne nasıl
        neden niye nerede zaman kim hangi kaç mi mı mu mü değil evet hayır merhaba selam
        teşekkürler teşekkür ederim sağol lütfen tamam iyi günaydın güle özür dilerim çok daha var
        yok için ile gibi kadar ama fakat çünkü da de ki şey şimdi sonra burada orada olan oldu
        olarak olur istiyorum istiyor musun mısın yap yapmak her hiç hep artık hadi haydi efendim
        tabii peki yani""",
    "sv": """
        och att det som en ett är var jag du han hon vi ni de mig dig honom henne oss er min din
        sin mitt ditt vad vem hur när varför vilken hej hejsan tack snälla ja jo nej bra okej
        hallå förlåt ursäkta inte med av på i till för från om men eller också bara mycket här där
        nu kan ska skulle vill har hade måste gör göra gå kommer vet allt inget något alltid
        aldrig den detta dessa så då""",
    "da": """
        og at det som en et er var jeg du han hun vi i de mig dig ham hende os jer min din sin mit
        dit hvad hvem hvordan hvor hvornår hvorfor hvilken hej tak ja jo nej godt okay goddag
        farvel undskyld ikke med af på til for fra om men eller også bare kun meget her der nu kan
        skal skulle vil har havde må gør gøre gå kommer ved alt intet noget altid aldrig den dette
        disse så da lige venligst mere efter""",
    "no": """
        og at det som en et ei er var jeg du han hun vi dere de meg deg ham henne oss min din sin
        mitt ditt hva hvem hvordan hvor når hvorfor hvilken hei takk ja jo nei bra greit unnskyld
        beklager ikke med av på til for fra om men eller også bare mye her der nå kan skal skulle
        vil har hadde må gjør gjøre gå kommer vet alt ingenting noe alltid aldri den dette disse
        så da vær etter mer""",
    "fi": """
        ja on ei en et hän minä sinä me te he mä sä minun sinun mun sun se tämä tuo ne nämä mitä
        mikä kuka miten missä milloin miksi moi hei terve kiitos kiitti joo kyllä ole hyvä hyvää
        anteeksi okei näkemiin että mutta tai jos kun niin myös vain vielä jo nyt sitten täällä
        siellä olen olet olemme ovat oli olla voi voin voit haluan haluat pitää täytyy tehdä tee
        mene tule kaikki mitään aina koskaan hyvin paljon minua sinua minulla sinulla tiedän""",
    "cs": """
        a v na s z do že to je jsou jsem jsi jsme není ne ano co kdo jak kde kdy proč který která
        já ty on ona my vy oni mě mi tě ti ho jí mu nás vás můj moje tvůj tvoje svůj se si ahoj
        čau dobrý den děkuji díky prosím promiňte omlouvám dobře jo sbohem velmi ale nebo protože
        aby taky také už ještě jen tady tam teď ten ta toho mám máš má může můžu můžeš chci chceš
        vím víš musím musíš byl byla bylo být bude budu nic všechno vždy nikdy pro pane""",
    "sk": """
        a v na s z do že to je sú som si sme nie áno čo kto ako kde kedy prečo ktorý ktorá ja ty
        on ona my vy oni ma mi ťa ti ho jej mu nás vás môj moja tvoj tvoja svoj sa ahoj dobrý deň
        ďakujem vďaka prosím prepáčte dobre veľmi ale alebo pretože aby tiež už ešte len tu tam
        teraz ten tá toho mám máš má môže môžem chcem viem musím bol bola bolo byť bude nič všetko
        vždy nikdy pre""",
    "hr": """
        i u na s iz do da to je su sam si smo nije ne što tko kako gdje kada zašto koji koja ja ti
        on ona mi vi oni me te ga joj mu nas vas moj moja tvoj tvoja se bok hvala molim dobar dan
        dobro oprosti oprostite vrlo ali ili jer također već još samo ovdje tamo sada taj ta imam
        imaš ima može mogu možeš želim hoću znam znaš moram bio bila bilo biti bit će ništa sve
        uvijek nikad za""",
    "ro": """
        și si în la de cu pe un o este sunt ești e nu da ce cine cum unde când care eu tu el ea
        noi voi ei mă te îl îi ne vă mea meu ta tău sa său se bună salut mulțumesc mersi rog scuze
        pardon bine pa foarte dar sau pentru că să mai doar aici acolo acum asta acest această am
        ai are avem au pot poți poate vreau vrei știu trebuie fost fi face fac nimic tot toate
        mereu niciodată din""",
    "hu": """
        a az és hogy nem igen van vagyok vagy vannak én te ő mi ti ők engem téged nekem neked mit
        ki hogyan hol mikor miért melyik szia sziasztok helló köszönöm köszi kérem kérlek jó napot
        bocsánat rendben oké viszlát nagyon de mert ha is még már csak itt ott most ez azt ezt egy
        volt lesz lehet tudom tudod akarok akarsz kell lenne semmi minden mindig soha meg el fel
        be hát""",
    "id": """
        dan yang di ke dari ini itu adalah ada tidak bukan saya aku kamu anda dia kami kita mereka
        apa siapa bagaimana gimana dimana kapan kenapa mengapa mana halo hai terima kasih makasih
        tolong maaf ya iya baik oke selamat pagi siang malam dengan untuk pada tapi atau karena
        juga sudah udah belum hanya saja sini sana sekarang bisa boleh mau ingin harus akan lagi
        sangat banyak semua selalu pernah jangan seperti tahu tau buat""",
    "vi": """
        và là của có không được cho một những các này đó tôi bạn anh em chị ông bà nó chúng họ
        mình gì ai sao đâu nào xin chào cảm ơn vâng dạ ừ ok tốt với trong ngoài ở từ đến nhưng
        hoặc vì cũng đã đang sẽ chỉ rồi nữa đây bây giờ phải muốn cần làm biết rất nhiều tất cả
        luôn đi thì mà hãy giúp""",
    "ca": """
        el la els les un una de del i és són sóc ets està que què qui com quan on per amb sense en
        al es em et li ens meu meva teu teva jo tu ell ella nosaltres vosaltres gràcies sí no bon
        dia adéu si us plau perdó molt bé hi ha tinc té vull vol puc pot fer fa però també més ja
        ara aquí això aquest aquesta res tot sempre mai""",
    "tl": """
        ang ng mga sa na ay si ni kay ako ikaw ka siya kami tayo kayo sila ko mo niya namin natin
        nila ito iyan iyon ano sino paano saan kailan bakit alin kumusta salamat po opo oo hindi
        wala may mayroon pero kung dahil para din rin lang pa ba naman gusto pwede dito doon
        ngayon lahat maganda""",
    "ar": """
        في من على هذا هذه ما ماذا كيف متى أين لماذا هل لا نعم أنا أنت هو هي نحن مرحبا السلام شكرا
        عليكم فضلك أهلا حسنا طيب إلى عن مع أن إن كان لم لن ليس كل شيء""",
    "fa": """
        در از به که این آن را با است هست نیست من تو او ما شما چه چی چطور کجا کی چرا آیا سلام ممنون
        مرسی لطفا بله نه خوب باشه برای تا یک می هم اگر ولی خیلی همه""",
    "ur": """
        میں سے کا کی کے کو ہے ہیں ہوں تھا نہیں اور یہ وہ آپ تم ہم کیا کیسے کہاں کب کیوں کون ہاں جی
        سلام شکریہ مہربانی اچھا ٹھیک پر تو بھی ایک""",
    "hi": """
        है हैं हूँ हूं था और में से का की के को नहीं यह वह मैं आप तुम हम क्या कैसे कहाँ कब क्यों
        कौन हाँ जी नमस्ते धन्यवाद शुक्रिया कृपया अच्छा ठीक पर तो भी एक""",
    # Hindi and Urdu in Latin letters, which the model does not know: better none than a wrong one.
    NO_LANGUAGE: """
        hai hain nahi nahin kya kyu kyun kaise kaisa kaun kahan kab mujhe tumhe mera meri mere
        tera teri tere tum aap hum yeh woh bhai yaar acha accha theek thik bahut bohot aur lekin
        matlab karo karna kar raha rahe rahi hoga hua gaya gayi chahiye wala wali mein bhi toh
        haan ji""",
}
"""Words of chat by language; a word before an apostrophe keeps it: j' in j'ai, don' in don't."""
